#include "app/privileges.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/translate.h"
#include "kernel/privilege.h"

namespace tcp_stats {
namespace {

/// Whether files can be made and removed in `directory`, by who this process is now.
bool can_write_to(const std::filesystem::path &directory) {
    return faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

} // namespace

Result<RecordingFile> open_recording_file(const std::filesystem::path &path, const std::optional<Account> &account) {
    if (!account) {
        return RecordingFile::open(path);
    }
    const ActingAs user(*account);
    if (!user.done()) {
        return fail(ErrorKind::no_privilege, tr("--user {}: cannot open {} as that user: {}; leave out --user",
                                                account->name, path.string(), std::strerror(errno)));
    }
    auto file = RecordingFile::open(path);
    if (!file && file.error().kind == ErrorKind::output_failed) {
        file.error().message += tr(" (as user {}, by --user; name a file that this user may write)", account->name);
    }
    return file;
}

Result<void> keep_what_is_needed(const Collector &collector, const Hooks &hooks, const RecordReader &reader,
                                 const std::optional<std::filesystem::path> &recording,
                                 const std::optional<ListenAddress> &metrics, const std::optional<Account> &account) {
    LaterWorks works{.other_namespaces = collector.walks_sockets(),
                     .cgroup_paths = static_cast<bool>(reader.places().cgroup),
                     .maps = [&] { return collector.may_read(hooks); },
                     .recording = {},
                     .metrics = {}};
    if (recording) {
        works.recording = [directory = recording->parent_path()] { return can_write_to(directory); };
    }
    if (metrics) {
        works.metrics = [&] { return check_listen_address(*metrics).has_value(); };
    }
    const auto kept = give_up_privileges(works, account ? &*account : nullptr);
    if (!kept) {
        return tl::unexpected(kept.error());
    }
    if (account) {
        spdlog::debug(tr("now user {} ({})", account->name, account->user));
    }
    for (const auto &one : *kept) {
        spdlog::debug(tr("kept: {} {}", one.name, one.why));
    }
    spdlog::debug(tr("all other capabilities are given up"));
    return {};
}

std::string explanation_of_privileges(const ProgramText &text, const Request &request, const Options &options) {
    std::vector<Need> needs;
    const auto add = [&](LaterWork work) {
        const auto more = needs_of(work);
        needs.insert(needs.end(), more.begin(), more.end());
    };
    const auto has = [](const std::vector<std::string> &names, const char *name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    const bool walks = has(text.macro_handlers("BPF_ITER"), "tcp") || has(text.handlers("bpf_iter__"), "tcp");
    if (walks) {
        add(LaterWork::other_namespaces);
    }
    if (text.identifiers().count("cgroup") != 0 && !(text.is_built_in() && has(request.unused_fields(), "cgroup"))) {
        add(LaterWork::cgroup_paths);
    }
    if (!walks) { // CAP_SYS_ADMIN is enough for maps
        add(LaterWork::maps);
    }
    if (options.record && !options.user) {
        add(LaterWork::recording);
    }
    if (options.metrics && options.metrics->port < 1024) {
        add(LaterWork::metrics);
    }
    auto lines = tr("Of the privileges, kept once the hooks are attached:") + "\n" + lines_about(needs);
    if (options.user) {
        lines += tr("The user is then {}.", *options.user) + "\n";
    }
    return lines;
}

} // namespace tcp_stats
