/*
 * The floor: what a C program that makes the same system calls, and nothing else, needs for them. The steps are generated
 * from the plan that the library compiles (FloorSource.cs writes steps.h), so they are the same calls by construction:
 *
 *   static void steps(void)       straight-line calls; fail(i) where the plan would end
 *   patches[], ID_LENGTH          where the texts name the container, whose id is another one in every run
 *   CLONE_FLAGS, HOST_PIDFD, RUNNING
 *
 * Driven over stdin and stdout: a byte asks for a run, eight bytes answer with its nanoseconds, or -1. Measured is what
 * the library has to do, too: three directories, clone3, the steps, the command, its exit taken. Not measured: removal,
 * nor letting the mounts go, which the library does when a container is disposed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int failed_step = -1, failed_errno;

static void fail(int step)
{
    failed_step = step;
    failed_errno = errno;
    for (;;)
        syscall(SYS_exit_group, 127);
}

#define CALL(...) do { r = syscall(__VA_ARGS__); } while (r == -1 && errno == EINTR)

#include "steps.h"

static char stack[64 * 1024] __attribute__((aligned(64)));

/* The child begins on a stack of its own, so it can call and not return; libc has no function for clone3. */
static long start(struct clone_args *args, void (*child)(void))
{
#if defined(__x86_64__)
    long result;
    register void (*r9)(void) __asm__("r9") = child;
    __asm__ volatile("syscall\n\ttestq %%rax, %%rax\n\tjnz 1f\n\txorl %%ebp, %%ebp\n\tcallq *%%r9\n\tud2\n1:"
                     : "=a"(result) : "a"((long)SYS_clone3), "D"(args), "S"(sizeof *args), "r"(r9) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_clone3;
    register long x0 __asm__("x0") = (long)args;
    register long x1 __asm__("x1") = sizeof *args;
    register void (*x3)(void) __asm__("x3") = child;
    __asm__ volatile("svc #0\n\tcbnz x0, 1f\n\tmov x29, xzr\n\tmov x30, xzr\n\tblr x3\n\tbrk #1\n1:"
                     : "+r"(x0) : "r"(x8), "r"(x1), "r"(x3) : "memory");
    return x0;
#else
#error "written for x86-64 and arm64"
#endif
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The library keeps the mount namespace beyond the command's exit, and lets it go when the container is disposed. */
static int mounts = -1;

static int hold_mounts(int pidfd, long pid)
{
    int held = ioctl(pidfd, 0xFF03 /* PIDFD_GET_MNT_NAMESPACE, Linux 6.11 */, 0);
    if (held < 0) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%ld/ns/mnt", pid);
        held = open(path, O_RDONLY | O_CLOEXEC);
    }
    return held;
}

static int run(const char *id, const char *state)
{
    char path[4096];
    for (unsigned i = 0; i < sizeof patches / sizeof *patches; i++)
        memcpy(patches[i], id, ID_LENGTH);
    if (mkdir(state, 0700) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/" FIRST, state);
    if (mkdir(path, 0700) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/" SECOND, state);
    if (mkdir(path, 0700) < 0)
        return -1;

    int pidfd = -1;
    sigset_t all, before;
    struct clone_args args = {
        /* CLONE_VFORK: the parent sleeps until the child executes its command, as the library waits for that. */
        .flags = CLONE_FLAGS | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)stack,
        .stack_size = sizeof stack,
    };
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    long pid = start(&args, steps);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        fprintf(stderr, "floor-c: clone3: %s\n", strerror((int)-pid));
        return -1;
    }
    mounts = hold_mounts(pidfd, pid);
    siginfo_t info = { 0 };
    while (waitid(P_PIDFD, pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
        ;
    close(pidfd);
    if (failed_step >= 0) {
        fprintf(stderr, "floor-c: step %d: %s\n", failed_step, strerror(failed_errno));
        return -1;
    }
    return info.si_code == CLD_EXITED && info.si_status == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

int main(void)
{
    setsid(); /* Ctrl-C is for the program that drives this one: it closes the pipe */
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (dup3(self, HOST_PIDFD, O_CLOEXEC) < 0)
        return 1;
    close(self);
    char byte, id[ID_LENGTH + 1], state[4000];
    for (unsigned long n = 0; read(0, &byte, 1) == 1; n++) {
        snprintf(id, sizeof id, "%0*lx", ID_LENGTH, n);
        snprintf(state, sizeof state, RUNNING "/%s", id);
        uint64_t began = now();
        int result = run(id, state);
        int64_t answer = result < 0 ? -1 : (int64_t)(now() - began);
        if (mounts >= 0)
            close(mounts);
        mounts = -1;
        nftw(state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        if (write(1, &answer, sizeof answer) != sizeof answer)
            return 1;
    }
    return 0;
}
