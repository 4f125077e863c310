// LLVM's and Clang's archives ask for an optimizer that Debian builds into its LLVM, and that BPF has no use for.
#include <llvm/Passes/PassPlugin.h>

// NOLINTBEGIN(readability-identifier-naming): LLVM's name
llvm::PassPluginLibraryInfo getPollyPluginInfo();

llvm::PassPluginLibraryInfo getPollyPluginInfo() {
    return {LLVM_PLUGIN_API_VERSION, "Polly", "none", [](llvm::PassBuilder & /*builder*/) {}};
}
// NOLINTEND(readability-identifier-naming)
