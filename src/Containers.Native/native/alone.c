/*
 * What join.c and init.c have in common: an executable without any library, that maps the program of steps it was given as a
 * descriptor (its first argument), at the address the program was written for, and runs it.
 */
#define SPAWNS
#include "launcher.c"

#if defined(__x86_64__)
#define NR_pread64 17
#define NR_mmap 9
#define NR_close 3
__asm__(".globl _start\n"
        "_start:\n\t"
        "xorl %ebp, %ebp\n\t"
        "movq %rsp, %rdi\n\t"
        "andq $-16, %rsp\n\t"
        "call begin\n\t"
        "ud2\n");
#else
#define NR_pread64 67
#define NR_mmap 222
#define NR_close 57
__asm__(".globl _start\n"
        "_start:\n\t"
        "mov x29, xzr\n\t"
        "mov x30, xzr\n\t"
        "mov x0, sp\n\t"
        "bl begin\n\t"
        "brk #1\n");
#endif

#define PROT_READ_WRITE 3
#define MAP_SHARED 1
#define MAP_FIXED_NOREPLACE 0x100000

enum { BAD_PROGRAM = 125, NO_PLACE = 126 };

static void leave(s64 status)
{
    for (;;)
        call6(NR_exit_group, status, 0, 0, 0, 0, 0);
}

/* The stack as the kernel leaves it: the count of arguments, and their addresses. */
__attribute__((used)) void begin(u64 *stack)
{
    s64 descriptor = 0;
    for (const char *digit = (const char *)stack[2]; stack[0] > 1 && *digit; digit++)
        descriptor = descriptor * 10 + (*digit - '0');

    struct program head; /* on the stack, which is there already: a page of its own would be one more to fault in */
    if (call6(NR_pread64, descriptor, (s64)&head, sizeof head, 0, 0, 0) != (s64)sizeof head)
        leave(BAD_PROGRAM);
    if (call6(NR_mmap, (s64)head.self, (s64)head.size, PROT_READ_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, descriptor, 0) != (s64)head.self)
        leave(NO_PLACE);
    call6(NR_close, descriptor, 0, 0, 0, 0, 0);
    run((struct program *)head.self);
}
