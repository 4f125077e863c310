// libbcc can compile functions for this machine that read and print what a map holds; nobody asks it to here
// (rw_engine_enabled). So LLVM's code generator for x86 is left out, and here is what libbcc would start it by.
// NOLINTBEGIN(readability-identifier-naming): LLVM's names
extern "C" {
void LLVMInitializeX86AsmPrinter();
void LLVMInitializeX86Target();
void LLVMInitializeX86TargetInfo();
void LLVMInitializeX86TargetMC();

void LLVMInitializeX86AsmPrinter() {}
void LLVMInitializeX86Target() {}
void LLVMInitializeX86TargetInfo() {}
void LLVMInitializeX86TargetMC() {}
}
// NOLINTEND(readability-identifier-naming)
