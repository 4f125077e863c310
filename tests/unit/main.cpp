// The tests' main: the language is taken from the environment, as the program does it.
#define CATCH_CONFIG_RUNNER
#include "test.h"

#include <csignal>

#include "base/translate.h"

int main(int argc, char **argv) {
    std::signal(SIGPIPE, SIG_IGN);
    tcp_stats::start_translation();
    return Catch::Session().run(argc, argv);
}
