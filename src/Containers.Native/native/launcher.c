/*
 * The only code that runs between clone3 and execve: a loop over an array of system calls in shared memory.
 *
 * It is freestanding and links to nothing, so that one build serves glibc and musl; it knows nothing of containers.
 * The child shares the memory of a .NET process (CLONE_VM), in which no managed code may run: no allocation, no
 * thread-local storage, no signal handler. All it does is written down beforehand, as steps.
 *
 * join.c makes an executable of it, which runs a program in two halves: the second one in a child that CLONE_VM gives the
 * executable's memory, and not the host's.
 *
 * The structures are mirrored in Launch/StepProgram.Layout.cs.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef unsigned int u32;
typedef long s64;
typedef unsigned long u64;

#define EXPORT __attribute__((visibility("default")))

enum { EINTR = 4, ESRCH = 3 };

enum {
    STEP_REPEAT = 1,      /* do it again until it fails: a gate is a futex wait that ends with EAGAIN */
    STEP_EXPECT_ZERO = 2, /* a result above 0 is a failure (ESRCH): poll on the pidfd of a parent that is gone */
    STEP_ANNOUNCE = 4,    /* the parent is told that the program has come to this step */
    STEP_CLOCK_ENDS = 8,  /* from this step on no time is taken: a filter of system calls may refuse to tell it, or kill for the question */
    STEP_FAILS = 16,      /* makes no call: a program that comes here has failed */
    STEP_GO_ON = 32,      /* no errno ends the program: the parent reads the result */
    STEP_LAUNCH = 64,     /* no system call, but containers_launch of a program */
    STEP_SPAWN = 128,     /* what follows is run by a child: args are clone flags, and a cgroup (-1: none); see join.c and init.c */
};

/* One system call. 88 bytes. */
struct step {
    s32 call;        /* its number */
    u16 from_slot;   /* bit i: args[i] names a slot, whose value is used */
    s8 save;         /* the slot that keeps the result; -1: none */
    u8 flags;        /* STEP_* */
    u8 tolerated[4]; /* errnos that do not end the program */
    s16 skip;        /* on success, how many of the following steps to leave out */
    s16 skip_error;  /* ... and on a tolerated errno */
    s64 args[6];
    s64 result;      /* as the kernel gave it: -errno on failure */
    u64 ended;       /* CLOCK_MONOTONIC, nanoseconds; 0: never ran */
    u64 operation;   /* for the parent: which part of its plan this step belongs to */
};

#define SLOTS 64

struct program {
    u32 alive;       /* a futex: above 0 until the child has its own memory (exec) or is gone, when the kernel clears and wakes it;
                        1 at first, and one more with each announcement */
    s32 failed;      /* index of the step that ended the program; -1: none did */
    s32 pid;
    s32 pidfd;
    u32 count;
    u32 gate[2];     /* futexes: 0 closed, 1 open */
    u32 vfork;       /* whether the cloning thread sleeps in clone3 until exec: then pid is a futex that others wait for */
    u64 began;       /* CLOCK_MONOTONIC of the child's first instruction */
    u64 cloned;      /* ... and of clone3's return in the parent */
    struct step *steps;
    u8 *stack;
    u64 stack_size;
    u64 self;        /* the address of this structure, where it has to be mapped: for join.c */
    u64 size;        /* of all that belongs to it */
    u64 resume;      /* the step to begin with */
    u64 status;      /* what init.c saw its command end with, as wait4 tells it, and ENDED; 0 until then */
    s64 slots[SLOTS];
};

struct clone_args { /* linux/sched.h, 88 bytes: CLONE_ARGS_SIZE_VER2 */
    u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

#define CLONE_VM 0x00000100UL
#define CLONE_PIDFD 0x00001000UL
#define CLONE_VFORK 0x00004000UL
#define CLONE_PARENT_SETTID 0x00100000UL
#define CLONE_CHILD_CLEARTID 0x00200000UL
#define CLONE_CLEAR_SIGHAND 0x100000000UL
#define CLONE_INTO_CGROUP 0x200000000UL
#define SIG_SETMASK 2
#define CLOCK_MONOTONIC 1
#define FUTEX_WAKE 1

#if defined(__x86_64__)

#define NR_clone3 435
#define NR_rt_sigprocmask 14
#define NR_clock_gettime 228
#define NR_exit 60
#define NR_exit_group 231
#define NR_futex 202

static inline s64 call6(s64 nr, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f)
{
    s64 result;
    register s64 r10 __asm__("r10") = d;
    register s64 r8 __asm__("r8") = e;
    register s64 r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/*
 * clone3 (its structure and size), or clone (flags and stack). The child comes back on an empty stack, so it can only call, never
 * return; r8, where it finds its program, is clone's TLS, which the kernel looks at only if the flags say so.
 */
static inline s64 clone_into(s64 nr, s64 a, s64 b, struct program *program, void (*child)(struct program *))
{
    s64 result;
    register s64 r10 __asm__("r10") = 0;
    register struct program *r8 __asm__("r8") = program;
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
                     : "a"(nr), "D"(a), "S"(b), "d"(0L), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)

#define NR_clone3 435
#define NR_rt_sigprocmask 135
#define NR_clock_gettime 113
#define NR_exit 93
#define NR_exit_group 94
#define NR_futex 98

static inline s64 call6(s64 nr, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f)
{
    register s64 x8 __asm__("x8") = nr;
    register s64 x0 __asm__("x0") = a;
    register s64 x1 __asm__("x1") = b;
    register s64 x2 __asm__("x2") = c;
    register s64 x3 __asm__("x3") = d;
    register s64 x4 __asm__("x4") = e;
    register s64 x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

static inline s64 clone_into(s64 nr, s64 a, s64 b, struct program *program, void (*child)(struct program *))
{
    register s64 x8 __asm__("x8") = nr;
    register s64 x0 __asm__("x0") = a;
    register s64 x1 __asm__("x1") = b;
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
    return x0;
}

#else
#error "the launcher is written for x86-64 and arm64"
#endif

/* A system call and not the vDSO: this code has no loader to find that with. It costs under 0.1 microseconds a step. */
static inline u64 now(void)
{
    s64 time[2];
    call6(NR_clock_gettime, CLOCK_MONOTONIC, (s64)time, 0, 0, 0, 0);
    return (u64)time[0] * 1000000000UL + (u64)time[1];
}

static inline int tolerates(const struct step *step, s64 error)
{
    for (int i = 0; i < 4; i++)
        if (step->tolerated[i] == error)
            return 1;
    return 0;
}

static void wake(u32 *word)
{
    call6(NR_futex, (s64)word, FUTEX_WAKE, 0x7fffffff, 0, 0, 0);
}

static void run(struct program *program);

/* What runs the rest in a child of its own: an executable of ours does, this library does not. */
#ifdef SPAWNS
static void spawn(struct program *program, struct step *step, u64 flags, s64 cgroup);
#else
#define spawn(program, step, flags, cgroup) __builtin_trap()
#endif

EXPORT s64 containers_launch(struct program *program, u64 flags, u64 exit_signal, s64 cgroup);

static void run(struct program *program)
{
    if (program->resume == 0)
        program->began = now();
    if (program->vfork) {
        program->cloned = program->began;
        wake((u32 *)&program->pid);
    }
    u64 clock = program->began;
    int clock_runs = 1;
    for (u32 i = 0; i < (u32)program->resume; i++)
        if (program->steps[i].flags & STEP_CLOCK_ENDS)
            clock_runs = 0;
    for (u32 i = (u32)program->resume; i < program->count; i++) {
        struct step *step = &program->steps[i];
        s64 a[6];
        for (int k = 0; k < 6; k++)
            a[k] = (step->from_slot >> k) & 1 ? program->slots[step->args[k]] : step->args[k];
        if (step->flags & STEP_ANNOUNCE) {
            __atomic_add_fetch(&program->alive, 1, __ATOMIC_RELEASE);
            wake(&program->alive);
        }
        if (step->flags & STEP_SPAWN)
            spawn(program, step, (u64)a[0], a[1]);
        if (step->flags & STEP_FAILS) {
            program->failed = (s32)i;
            break;
        }
        s64 result;
        do {
            result = step->flags & STEP_LAUNCH ? containers_launch((struct program *)a[0], (u64)a[1], (u64)a[2], a[3])
                                               : call6(step->call, a[0], a[1], a[2], a[3], a[4], a[5]);
        } while (result == -EINTR || (result >= 0 && (step->flags & STEP_REPEAT)));
        if (result > 0 && (step->flags & STEP_EXPECT_ZERO))
            result = -ESRCH;
        step->result = result;
        if (step->flags & STEP_CLOCK_ENDS)
            clock_runs = 0;
        if (clock_runs)
            clock = now();
        step->ended = clock;
        if (result >= 0) {
            if (step->save >= 0)
                program->slots[step->save] = result;
            i += step->skip;
        } else if ((step->flags & STEP_GO_ON) || tolerates(step, -result)) {
            i += step->skip_error;
        } else {
            program->failed = (s32)i;
            break;
        }
    }
    /* A filter of system calls may stand in the way of an end, but not of this one. */
    call6(NR_exit_group, 127, 0, 0, 0, 0, 0);
    call6(NR_exit, 127, 0, 0, 0, 0, 0);
    for (;;)
        __builtin_trap();
}

/* Any system call, from managed code: -errno on failure, so that no errno and no libc stands between. */
EXPORT s64 containers_syscall(s64 nr, s64 a, s64 b, s64 c, s64 d, s64 e, s64 f)
{
    return call6(nr, a, b, c, d, e, f);
}

/*
 * Starts the program in a child that shares this memory. Returns its pid in this namespace, or -errno.
 * All signals are blocked meanwhile, so that none is delivered to the child before its handlers are reset; the
 * child is born with all of them blocked, and a step unblocks them.
 *
 * With CLONE_VFORK it returns when the child has executed or ended. By then the program may be another one's: nothing of
 * it is touched any more, but that whoever still waits for the pid is woken, once too often at worst.
 */
EXPORT s64 containers_launch(struct program *program, u64 flags, u64 exit_signal, s64 cgroup)
{
    struct clone_args args = {
        .flags = flags | CLONE_VM | CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CLEAR_SIGHAND,
        .pidfd = (u64)&program->pidfd,
        .child_tid = (u64)&program->alive,
        .parent_tid = (u64)&program->pid,
        .exit_signal = exit_signal,
        .stack = (u64)program->stack,
        .stack_size = program->stack_size,
        .tls = 0,
        .set_tid = 0,
        .set_tid_size = 0,
        .cgroup = (u64)cgroup,
    };
    u64 all = ~0UL, before = 0;
    call6(NR_rt_sigprocmask, SIG_SETMASK, (s64)&all, (s64)&before, sizeof all, 0, 0);
    s64 pid = clone_into(NR_clone3, (s64)&args, sizeof args, program, run);
    if (!(flags & CLONE_VFORK)) {
        program->cloned = now();
    } else {
        if (pid < 0)
            __atomic_store_n(&program->pid, (s32)pid, __ATOMIC_RELEASE);
        wake((u32 *)&program->pid);
    }
    call6(NR_rt_sigprocmask, SIG_SETMASK, (s64)&before, 0, sizeof before, 0, 0);
    return pid;
}
