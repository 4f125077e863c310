#include "kernel/account.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <cap-ng.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/translate.h"
#include "kernel/capabilities.h"

namespace tcp_stats {
namespace {

const passwd *entry_of(const std::string &text) {
    if (const auto *entry = getpwnam(text.c_str())) {
        return entry;
    }
    uid_t number = 0;
    const auto *end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && rest == end && !text.empty() ? getpwuid(number) : nullptr;
}

std::vector<gid_t> groups_of_this_process() {
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
    const int count = getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return groups;
}

/// Whether this process has them now. Who has them already need not be allowed to set them.
bool set_groups(std::vector<gid_t> groups) {
    auto present = groups_of_this_process();
    std::sort(present.begin(), present.end());
    std::sort(groups.begin(), groups.end());
    return present == groups || setgroups(groups.size(), groups.data()) == 0;
}

bool all(unsigned /*capability*/) { return true; }
bool none(unsigned /*capability*/) { return false; }

} // namespace

Result<Account> find_account(const std::string &text) {
    const auto *entry = entry_of(text);
    if (entry == nullptr) {
        return fail(
            ErrorKind::usage,
            tr("--user {}: there is no such user; it accepts a name or a number that getent passwd lists", text));
    }
    Account account{entry->pw_name, entry->pw_uid, entry->pw_gid, {}};
    int count = 16;
    do {
        account.groups.resize(static_cast<std::size_t>(count));
    } while (getgrouplist(account.name.c_str(), account.group, account.groups.data(), &count) < 0 &&
             count > static_cast<int>(account.groups.size()));
    account.groups.resize(static_cast<std::size_t>(count));
    return account;
}

Result<void> check_may_become(const Account &account) {
    const ActingAs attempt(account);
    if (!attempt.done()) {
        return fail(ErrorKind::no_privilege,
                    tr("--user {}: not allowed to become that user: {}; run it with sudo, or with the capabilities "
                       "CAP_SETUID and CAP_SETGID",
                       account.name, std::strerror(errno)));
    }
    return {};
}

ActingAs::ActingAs(const Account &account)
    : user_(geteuid()), group_(getegid()), groups_(groups_of_this_process()), capabilities_(nullptr) {
    capabilities_ = capng_get_caps_process() == 0 ? capng_save_state() : nullptr;
    done_ = capabilities_ != nullptr && set_groups(account.groups) && setegid(account.group) == 0 &&
            seteuid(account.user) == 0 && put_into_effect(none);
}

ActingAs::~ActingAs() {
    const int saved = errno; // what was done meanwhile may be told by it
    put_into_effect(all);
    bool back = seteuid(user_) == 0 && setegid(group_) == 0 && set_groups(groups_);
    if (capabilities_ != nullptr) {
        capng_restore_state(&capabilities_);
        back = capng_apply(CAPNG_SELECT_CAPS) == 0 && back;
    }
    if (!back) {
        std::perror("seteuid");
        std::abort();
    }
    errno = saved;
}

int become(const Account &account) {
    // Permitted capabilities outlive the change by this, those in effect do not.
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || !set_groups(account.groups) ||
        setresgid(account.group, account.group, account.group) != 0 ||
        setresuid(account.user, account.user, account.user) != 0 || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) {
        return errno;
    }
    return put_into_effect(all) ? 0 : EPERM;
}

} // namespace tcp_stats
