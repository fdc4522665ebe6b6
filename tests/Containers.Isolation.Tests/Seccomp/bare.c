/* A program that makes one system call: it ends with 7. */
void _start(void)
{
#if defined(__x86_64__)
    __asm__ volatile("syscall" : : "a"(231L), "D"(7L));
#else
    register long x8 __asm__("x8") = 94;
    register long x0 __asm__("x0") = 7;
    __asm__ volatile("svc #0" : : "r"(x8), "r"(x0));
#endif
    __builtin_unreachable();
}
