// What the options ask for that has to do with privileges.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "app/request.h"
#include "base/listen_address.h"
#include "cli/options.h"
#include "compile/program_text.h"
#include "kernel/account.h"
#include "kernel/collector.h"
#include "kernel/hooks.h"
#include "store/recorder.h"

namespace tcp_stats {

/// Opens the file of --record, as `account` where there is one. Errors: those of the file; no_privilege, where this
/// process cannot act as that user.
Result<RecordingFile> open_recording_file(const std::filesystem::path &path, const std::optional<Account> &account);

/// Gives up what is not needed once the hooks are attached, and says what is kept. `recording`: its file, `metrics`:
/// where they are to be served, each where there is one. Error: no_privilege, where it cannot become `account`.
Result<void> keep_what_is_needed(const Collector &collector, const Hooks &hooks, const RecordReader &reader,
                                 const std::optional<std::filesystem::path> &recording,
                                 const std::optional<ListenAddress> &metrics, const std::optional<Account> &account);

/// What is kept of privileges by a program like that, as far as its text tells; for people.
std::string explanation_of_privileges(const ProgramText &text, const Request &request, const Options &options);

} // namespace tcp_stats
