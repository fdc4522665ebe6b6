/*
 * The first process of a container that has an init: it applies the container's policy to itself, starts the command, and is
 * then what Linux wants process 1 to be. It takes the status of every process that loses its parent, and passes on to the
 * command what signals it gets. When the command ends, it ends, and the kernel ends the others with it (pid_namespaces(7)).
 *
 * It has nothing of the host's memory but the program of steps, where it leaves how the command ended.
 */
#include "alone.c"

#if defined(__x86_64__)
#define NR_clone 56
#define NR_wait4 61
#define NR_kill 62
#define NR_rt_sigtimedwait 128
#define NR_close_range 436
#else
#define NR_clone 220
#define NR_wait4 260
#define NR_kill 129
#define NR_rt_sigtimedwait 137
#define NR_close_range 436
#endif

#define WNOHANG 1
#define WALL 0x40000000
#define SIGCHLD 17
#define ENDED 0x100000000UL

/* clone and not clone3, which a filter of system calls cannot look into, and so mostly refuses. */
static inline s64 clone_into(u64 flags, u8 *stack, struct program *program, void (*child)(struct program *))
{
#if defined(__x86_64__)
    s64 result;
    register s64 r10 __asm__("r10") = 0;
    register struct program *r8 __asm__("r8") = program; /* where the kernel looks for a TLS only if it is told to */
    register void (*r9)(struct program *) __asm__("r9") = child;
    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "movq %%r8, %%rdi\n\t"
                     "callq *%%r9\n\t"
                     "ud2\n"
                     "1:"
                     : "=a"(result)
                     : "a"((s64)NR_clone), "D"(flags), "S"(stack), "d"(0L), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#else
    register s64 x8 __asm__("x8") = NR_clone;
    register u64 x0 __asm__("x0") = flags;
    register u8 *x1 __asm__("x1") = stack;
    register s64 x2 __asm__("x2") = 0;
    register s64 x3 __asm__("x3") = 0;
    register s64 x4 __asm__("x4") = 0;
    register struct program *x5 __asm__("x5") = program;
    register void (*x6)(struct program *) __asm__("x6") = child;
    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x30, xzr\n\t"
                     "mov x0, x5\n\t"
                     "blr x6\n\t"
                     "brk #1\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x6)
                     : "memory");
    return (s64)x0;
#endif
}

/* All that has ended, until the command has. */
static void reap(struct program *program, s64 command)
{
    s32 status;
    s64 pid;
    while ((pid = call6(NR_wait4, -1, (s64)&status, WNOHANG | WALL, 0, 0, 0)) > 0)
        if (pid == command) {
            __atomic_store_n(&program->status, ENDED | (u32)status, __ATOMIC_RELEASE);
            leave(status & 0x7f ? 128 + (status & 0x7f) : (status >> 8) & 0xff);
        }
}

/* The command executes, or fails to, while the caller sleeps (CLONE_VFORK); then the host is told. */
static void spawn(struct program *program, struct step *step, u64 flags, s64 cgroup)
{
    (void)cgroup;
    program->resume = (u64)(step - program->steps) + 1;
    s64 command = clone_into(flags, program->stack + program->stack_size, program, run);
    step->result = command;
    if (command < 0)
        program->failed = (s32)(step - program->steps);
    int failed = program->failed >= 0;

    call6(NR_close_range, 0, 0xffffffff, 0, 0, 0, 0); /* the command's streams end when it closes them */
    u64 all = ~0UL;
    call6(NR_rt_sigprocmask, SIG_SETMASK, (s64)&all, 0, sizeof all, 0, 0); /* so that none is ignored: signal(7) tells of process 1 */
    __atomic_store_n(&program->alive, 0, __ATOMIC_RELEASE);
    wake(&program->alive);
    if (failed)
        leave(127);
    for (;;) {
        reap(program, command);
        s64 signal = call6(NR_rt_sigtimedwait, (s64)&all, 0, 0, sizeof all, 0, 0);
        if (signal > 0 && signal != SIGCHLD)
            call6(NR_kill, command, signal, 0, 0, 0, 0);
    }
}
