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
#else
#define NR_clone 220
#define NR_wait4 260
#define NR_kill 129
#define NR_rt_sigtimedwait 137
#endif

#define NR_close_range 436
#define WNOHANG 1
#define WALL 0x40000000
#define SIGCHLD 17
#define ENDED 0x100000000UL

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
    /* clone and not clone3, which a filter of system calls cannot look into, and so mostly refuses. */
    s64 command = clone_into(NR_clone, (s64)flags, (s64)(program->stack + program->stack_size), program, run);
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
