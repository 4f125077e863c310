// A user of this system, and how to do something as that user.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.h"

namespace tcp_stats {

struct Account {
    std::string name;
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups; ///< all of them
};

/// `text`: a name, or a user's number. Error: usage, where there is no such user.
Result<Account> find_account(const std::string &text);

/// Error: no_privilege, where this process may not become that user.
Result<void> check_may_become(const Account &account);

/// While it lives, this process opens and makes files as that user, without any capability.
class ActingAs {
public:
    /// `check_may_become` has said yes. Check `done`.
    explicit ActingAs(const Account &account);
    /// Ends the process when the way back is barred: it would go on as somebody else.
    ~ActingAs();
    ActingAs(const ActingAs &) = delete;
    ActingAs &operator=(const ActingAs &) = delete;

    bool done() const { return done_; }

private:
    uid_t user_;
    gid_t group_;
    std::vector<gid_t> groups_;
    void *capabilities_;
    bool done_ = false;
};

/// For good; what is permitted to this process stays so, and is in effect. The first error's number, or 0.
int become(const Account &account);

} // namespace tcp_stats
