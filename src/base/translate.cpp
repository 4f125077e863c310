#include "base/translate.h"

#include <clocale>
#include <filesystem>

#include <libintl.h>

namespace tcp_stats {
namespace {

constexpr const char *domain = "tcp_stats_monitor";

} // namespace

void start_translation() {
    std::setlocale(LC_CTYPE, "");
    std::setlocale(LC_MESSAGES, "");

    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    for (const auto *relative : {"share/locale", "../share/locale"}) {
        const auto catalogues = program / relative;
        if (std::filesystem::is_directory(catalogues, error)) {
            bindtextdomain(domain, catalogues.c_str());
            break;
        }
    }
    bind_textdomain_codeset(domain, "UTF-8");
    textdomain(domain);
}

const char *translate(const char *english) { return gettext(english); }

} // namespace tcp_stats
