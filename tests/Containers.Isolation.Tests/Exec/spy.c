/*
 * A hostile process in a container: it looks at every process it sees, and tries to read the memory, the descriptors and the
 * environment of those that are neither it nor its parent. It says what it got; "stop" on its input ends it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int reads(int pid, const char *name)
{
    char path[64], byte[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int file = open(path, O_RDONLY);
    if (file < 0)
        return 0;
    long got = read(file, byte, sizeof byte);
    close(file);
    return got > 0 || strcmp(name, "mem") == 0;
}

/* Whether the process is still the library's: it runs an executable of ours, or none can be seen. */
static int joining(int pid)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    int file = open(path, O_RDONLY);
    if (file < 0)
        return 0;
    long got = read(file, text, sizeof text - 1);
    close(file);
    return got > 0 && strncmp(text, "containers-join", 15) == 0;
}

int main(void)
{
    long seen = 0;
    struct pollfd input = { .fd = 0, .events = POLLIN };
    setvbuf(stdout, 0, _IOLBF, 0);
    puts("ready");
    while (poll(&input, 1, 0) == 0) {
        DIR *all = opendir("/proc");
        for (struct dirent *entry; (entry = readdir(all));) {
            int pid = atoi(entry->d_name);
            if (pid <= 1 || pid == getpid() || !joining(pid))
                continue;
            seen++;
            if (reads(pid, "mem") && joining(pid))
                printf("got mem of %d\n", pid);
            if (reads(pid, "environ") && joining(pid))
                printf("got environ of %d\n", pid);
            char path[64], target[256];
            snprintf(path, sizeof path, "/proc/%d/root", pid);
            if (readlink(path, target, sizeof target) > 0 && joining(pid))
                printf("got root of %d\n", pid);
            for (int descriptor = 0; descriptor < 16; descriptor++) { /* that there are some, root may see; what they are it may not */
                snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, descriptor);
                if (readlink(path, target, sizeof target) > 0 && joining(pid))
                    printf("got fd %d of %d\n", descriptor, pid);
            }
            snprintf(path, sizeof path, "/proc/%d/exe", pid);
            int exe = open(path, O_WRONLY);
            if (exe >= 0)
                printf("got exe of %d\n", pid);
            char byte;
            struct iovec here = { &byte, 1 }, there = { (void *)0x400000, 1 };
            if (process_vm_readv(pid, &here, 1, &there, 1, 0) > 0 && joining(pid))
                printf("got vm of %d\n", pid);
            /* Not PTRACE_ATTACH, which would stop it: it may have become the command meanwhile, which one may trace. */
            if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0 && joining(pid))
                printf("got trace of %d\n", pid);
        }
        while (waitpid(-1, 0, WNOHANG | __WALL) > 0)
            ; /* of those that were traced, the end */
        closedir(all);
    }
    printf("seen %s\n", seen ? "some" : "none");
    return 0;
}
