#include "base/error.h"

#include <sysexits.h>

namespace tcp_stats {

int exit_status(ErrorKind kind) {
    switch (kind) {
    case ErrorKind::usage:
        return EX_USAGE;
    case ErrorKind::program_rejected:
    case ErrorKind::not_a_recording:
        return EX_DATAERR;
    case ErrorKind::source_unreadable:
        return EX_NOINPUT;
    case ErrorKind::kernel_unsupported:
        return EX_UNAVAILABLE;
    case ErrorKind::defect:
        return EX_SOFTWARE;
    case ErrorKind::busy:
        return EX_TEMPFAIL;
    case ErrorKind::output_failed:
        return EX_IOERR;
    case ErrorKind::no_privilege:
        return EX_NOPERM;
    }
    return EX_SOFTWARE;
}

} // namespace tcp_stats
