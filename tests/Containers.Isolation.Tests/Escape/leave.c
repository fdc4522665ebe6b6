/*
 * What one container leaves behind, and what another one sees of it:
 *     leave                leaves something in every place that processes share
 *     look                 says what there is of it, a line for each place
 *     daemon NAME          leaves a process behind that goes by NAME and lets no signal end it, and says when it is there
 *     run NAME             leaves processes that go by NAME, each of which leaves another one and ends
 *     project DIRECTORY    takes a directory out of the project whose quota it falls under, in each way that there is
 *     shm | memfd | pipes  takes all the memory that there is, of a kind that is no process's own
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KEY 0x1ef7
#define SIZE (4 << 20)

static const char *const directories[] = { "/dev/shm", "/tmp", "/dev/mqueue", "/" };
static const char *const tables[] = { "shm", "sem", "msg" };

static void say(const char *what, long result)
{
    printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "left");
}

static void leave(void)
{
    char path[64], text[] = "left";
    struct mq_attr queue = { .mq_maxmsg = 1, .mq_msgsize = 8 };
    struct { long type; char text[8]; } message = { 1, "left" };
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            continue; /* by mq_open */
        snprintf(path, sizeof path, "%s/left", directories[i]);
        int file = open(path, O_CREAT | O_WRONLY, 0666);
        say(directories[i], file < 0 ? -1 : write(file, text, sizeof text));
    }
    say("queue", mq_open("/left", O_CREAT | O_RDWR, 0666, &queue));
    say("shm", shmget(KEY, 4096, IPC_CREAT | 0666));
    say("sem", semget(KEY, 1, IPC_CREAT | 0666));
    int messages = msgget(KEY, IPC_CREAT | 0666);
    say("msg", messages < 0 ? -1 : msgsnd(messages, &message, sizeof message.text, 0));
    say("session keyring", syscall(SYS_add_key, "user", "left", text, sizeof text, -3));
    say("user keyring", syscall(SYS_add_key, "user", "left", text, sizeof text, -4));
}

static void see(const char *what, int found)
{
    printf("%s: %s\n", what, found ? "FOUND" : "nothing");
}

static void look(void)
{
    char path[300], line[512];
    for (int i = 0; i < 4; i++) {
        int found = 0;
        DIR *directory = opendir(directories[i]);
        for (struct dirent *entry; directory && (entry = readdir(directory));)
            found |= i == 3 ? strcmp(entry->d_name, "left") == 0 : entry->d_name[0] != '.';
        see(directories[i], found);
    }
    see("queue", mq_open("/left", O_RDONLY) >= 0);
    see("shm", shmget(KEY, 0, 0) >= 0);
    see("sem", semget(KEY, 0, 0) >= 0);
    see("msg", msgget(KEY, 0) >= 0);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/proc/sysvipc/%s", tables[i]);
        FILE *file = fopen(path, "r");
        int lines = 0;
        while (file && fgets(line, sizeof line, file))
            lines++;
        see(path, lines != 1); /* the heading */
    }
    see("session keyring", syscall(SYS_keyctl, 10, -3, "user", "left", 0) >= 0); /* KEYCTL_SEARCH */
    see("user keyring", syscall(SYS_keyctl, 10, -4, "user", "left", 0) >= 0);
    see("any keyring", syscall(SYS_request_key, "user", "left", 0, 0) >= 0);
}

static void ignore_all(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, 0);
}

static void become(const char *name, const char *what)
{
    execl("/proc/self/exe", name, what, (char *)0);
    _exit(1);
}

static void go_away(const char *name, const char *what)
{
    int ready[2];
    char byte;
    pipe(ready);
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            ignore_all();
            chdir("/");
            dup2(ready[1], 0); /* for the new program to close */
            close(ready[0]);
            close(ready[1]);
            become(name, what);
        }
        _exit(0);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) == 1)
        puts("ready");
}

static void announce(void)
{
    write(0, "r", 1);
    for (int i = 0; i < 3; i++)
        close(i);
}

static void run_on(const char *name)
{
    const struct timespec moment = { 0, 1000000 };
    for (;;) {
        nanosleep(&moment, 0);
        pid_t child = fork();
        if (child > 0)
            _exit(0);
        if (child == 0)
            setsid();
    }
    (void)name;
}

static void leave_project(const char *path)
{
    struct fsxattr attributes = { 0 };
    struct { unsigned long flags; unsigned size, extents, project, copied; } newer = { 0 };
    int directory = open(path, O_RDONLY | O_DIRECTORY), flags = 0;
    if (ioctl(directory, FS_IOC_FSGETXATTR, &attributes) < 0 || attributes.fsx_projid == 0)
        say("project", -1);
    attributes.fsx_projid = 0;
    attributes.fsx_xflags &= ~FS_XFLAG_PROJINHERIT;
    say("FS_IOC_FSSETXATTR", ioctl(directory, FS_IOC_FSSETXATTR, &attributes));
    say("FS_IOC_FSSETXATTR with high bits", syscall(SYS_ioctl, directory, 0x100000000 | FS_IOC_FSSETXATTR, &attributes));
    ioctl(directory, FS_IOC_GETFLAGS, &flags);
    flags &= ~FS_PROJINHERIT_FL;
    say("FS_IOC_SETFLAGS", ioctl(directory, FS_IOC_SETFLAGS, &flags));
    say("file_setattr", syscall(469, AT_FDCWD, path, &newer, sizeof newer, 0));
}

int main(int count, char **given)
{
    const char *what = count > 1 ? given[1] : "";
    setvbuf(stdout, 0, _IOLBF, 0);
    if (strcmp(what, "leave") == 0)
        leave(), puts("end");
    else if (strcmp(what, "look") == 0)
        look();
    else if (strcmp(what, "daemon") == 0)
        go_away(given[2], "wait");
    else if (strcmp(what, "run") == 0)
        go_away(given[2], "run on");
    else if (strcmp(what, "project") == 0)
        leave_project(given[2]);
    else if (strcmp(what, "wait") == 0) {
        announce();
        for (;;)
            pause();
    } else if (strcmp(what, "run on") == 0) {
        announce();
        run_on(given[0]);
    } else if (strcmp(what, "shm") == 0) {
        for (;;) {
            int segment = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
            void *memory = segment < 0 ? (void *)-1 : shmat(segment, 0, 0);
            if (memory == (void *)-1)
                return 1;
            memset(memory, 1, SIZE);
        }
    } else if (strcmp(what, "memfd") == 0) {
        for (char *bytes = malloc(SIZE);;)
            for (int file = memfd_create("hog", 0); write(file, bytes, SIZE) > 0;)
                ;
    } else if (strcmp(what, "pipes") == 0) {
        static char bytes[1 << 20];
        for (int ends[2]; pipe(ends) == 0;) {
            fcntl(ends[1], F_SETPIPE_SZ, sizeof bytes);
            fcntl(ends[1], F_SETFL, O_NONBLOCK);
            while (write(ends[1], bytes, sizeof bytes) > 0)
                ;
        }
        pause();
    } else
        return 2;
    return 0;
}
