// Ends at once, without a C library, which would ask the processor many things first.
#ifdef __aarch64__
__asm__(".globl _start\n_start:\n mov x8, #94\n mov x0, #0\n svc #0\n"); // exit_group
#else
__asm__(".globl _start\n_start:\n mov $231, %eax\n xor %edi, %edi\n syscall\n");
#endif
