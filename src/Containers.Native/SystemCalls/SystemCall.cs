using System.Runtime.InteropServices;

namespace Containers.Native;

/// <summary>A system call: its name and its number on this architecture (asm/unistd.h).</summary>
internal readonly record struct SystemCall(string Name, int Number)
{
    public static readonly SystemCall acct = Define(nameof(acct), 163, 89);
    public static readonly SystemCall add_key = Define(nameof(add_key), 248, 217);
    public static readonly SystemCall bind = Define(nameof(bind), 49, 200);
    public static readonly SystemCall bpf = Define(nameof(bpf), 321, 280);
    public static readonly SystemCall capget = Define(nameof(capget), 125, 90);
    public static readonly SystemCall capset = Define(nameof(capset), 126, 91);
    public static readonly SystemCall chdir = Define(nameof(chdir), 80, 49);
    public static readonly SystemCall chroot = Define(nameof(chroot), 161, 51);
    public static readonly SystemCall clock_gettime = Define(nameof(clock_gettime), 228, 113);
    public static readonly SystemCall clock_nanosleep = Define(nameof(clock_nanosleep), 230, 115);
    public static readonly SystemCall clone = Define(nameof(clone), 56, 220);
    public static readonly SystemCall clone3 = Define(nameof(clone3), 435, 435);
    public static readonly SystemCall close = Define(nameof(close), 3, 57);
    public static readonly SystemCall close_range = Define(nameof(close_range), 436, 436);
    public static readonly SystemCall copy_file_range = Define(nameof(copy_file_range), 326, 285);
    public static readonly SystemCall dup3 = Define(nameof(dup3), 292, 24);
    public static readonly SystemCall epoll_create1 = Define(nameof(epoll_create1), 291, 20);
    public static readonly SystemCall epoll_ctl = Define(nameof(epoll_ctl), 233, 21);
    public static readonly SystemCall epoll_pwait = Define(nameof(epoll_pwait), 281, 22);
    public static readonly SystemCall eventfd2 = Define(nameof(eventfd2), 290, 19);
    public static readonly SystemCall execve = Define(nameof(execve), 59, 221);
    public static readonly SystemCall execveat = Define(nameof(execveat), 322, 281);
    public static readonly SystemCall exit = Define(nameof(exit), 60, 93);
    public static readonly SystemCall exit_group = Define(nameof(exit_group), 231, 94);
    public static readonly SystemCall faccessat = Define(nameof(faccessat), 269, 48);
    public static readonly SystemCall fallocate = Define(nameof(fallocate), 285, 47);
    public static readonly SystemCall fanotify_init = Define(nameof(fanotify_init), 300, 262);
    public static readonly SystemCall fchdir = Define(nameof(fchdir), 81, 50);
    public static readonly SystemCall fchmod = Define(nameof(fchmod), 91, 52);
    public static readonly SystemCall fchmodat = Define(nameof(fchmodat), 268, 53);
    public static readonly SystemCall fchown = Define(nameof(fchown), 93, 55);
    public static readonly SystemCall fchownat = Define(nameof(fchownat), 260, 54);
    public static readonly SystemCall fcntl = Define(nameof(fcntl), 72, 25);
    public static readonly SystemCall fgetxattr = Define(nameof(fgetxattr), 193, 10);
    public static readonly SystemCall listxattr = Define(nameof(listxattr), 194, 11);
    public static readonly SystemCall getxattr = Define(nameof(getxattr), 191, 8);
    public static readonly SystemCall flistxattr = Define(nameof(flistxattr), 196, 13);
    public static readonly SystemCall flock = Define(nameof(flock), 73, 32);
    public static readonly SystemCall fsconfig = Define(nameof(fsconfig), 431, 431);
    public static readonly SystemCall fsetxattr = Define(nameof(fsetxattr), 190, 7);
    public static readonly SystemCall fsmount = Define(nameof(fsmount), 432, 432);
    public static readonly SystemCall fsopen = Define(nameof(fsopen), 430, 430);
    public static readonly SystemCall fspick = Define(nameof(fspick), 433, 433);
    public static readonly SystemCall fstatfs = Define(nameof(fstatfs), 138, 44);
    public static readonly SystemCall fsync = Define(nameof(fsync), 74, 82);
    public static readonly SystemCall ftruncate = Define(nameof(ftruncate), 77, 46);
    public static readonly SystemCall futex = Define(nameof(futex), 202, 98);
    public static readonly SystemCall get_robust_list = Define(nameof(get_robust_list), 274, 100);
    public static readonly SystemCall getcwd = Define(nameof(getcwd), 79, 17);
    public static readonly SystemCall getdents64 = Define(nameof(getdents64), 217, 61);
    public static readonly SystemCall getegid = Define(nameof(getegid), 108, 177);
    public static readonly SystemCall geteuid = Define(nameof(geteuid), 107, 175);
    public static readonly SystemCall getgid = Define(nameof(getgid), 104, 176);
    public static readonly SystemCall getgroups = Define(nameof(getgroups), 115, 158);
    public static readonly SystemCall getpgid = Define(nameof(getpgid), 121, 155);
    public static readonly SystemCall getpid = Define(nameof(getpid), 39, 172);
    public static readonly SystemCall getppid = Define(nameof(getppid), 110, 173);
    public static readonly SystemCall getpriority = Define(nameof(getpriority), 140, 141);
    public static readonly SystemCall getrandom = Define(nameof(getrandom), 318, 278);
    public static readonly SystemCall getrusage = Define(nameof(getrusage), 98, 165);
    public static readonly SystemCall getsid = Define(nameof(getsid), 124, 156);
    public static readonly SystemCall getsockname = Define(nameof(getsockname), 51, 204);
    public static readonly SystemCall gettid = Define(nameof(gettid), 186, 178);
    public static readonly SystemCall getuid = Define(nameof(getuid), 102, 174);
    public static readonly SystemCall inotify_add_watch = Define(nameof(inotify_add_watch), 254, 27);
    public static readonly SystemCall inotify_init1 = Define(nameof(inotify_init1), 294, 26);
    public static readonly SystemCall inotify_rm_watch = Define(nameof(inotify_rm_watch), 255, 28);
    public static readonly SystemCall io_uring_setup = Define(nameof(io_uring_setup), 425, 425);
    public static readonly SystemCall ioctl = Define(nameof(ioctl), 16, 29);
    public static readonly SystemCall ioprio_get = Define(nameof(ioprio_get), 252, 31);
    public static readonly SystemCall ioprio_set = Define(nameof(ioprio_set), 251, 30);
    public static readonly SystemCall kcmp = Define(nameof(kcmp), 312, 272);
    public static readonly SystemCall keyctl = Define(nameof(keyctl), 250, 219);
    public static readonly SystemCall kill = Define(nameof(kill), 62, 129);
    public static readonly SystemCall landlock_add_rule = Define(nameof(landlock_add_rule), 445, 445);
    public static readonly SystemCall landlock_create_ruleset = Define(nameof(landlock_create_ruleset), 444, 444);
    public static readonly SystemCall landlock_restrict_self = Define(nameof(landlock_restrict_self), 446, 446);
    public static readonly SystemCall lgetxattr = Define(nameof(lgetxattr), 192, 9);
    public static readonly SystemCall linkat = Define(nameof(linkat), 265, 37);
    public static readonly SystemCall llistxattr = Define(nameof(llistxattr), 195, 12);
    public static readonly SystemCall lremovexattr = Define(nameof(lremovexattr), 198, 15);
    public static readonly SystemCall lseek = Define(nameof(lseek), 8, 62);
    public static readonly SystemCall lsetxattr = Define(nameof(lsetxattr), 189, 6);
    public static readonly SystemCall memfd_create = Define(nameof(memfd_create), 319, 279);
    public static readonly SystemCall mkdirat = Define(nameof(mkdirat), 258, 34);
    public static readonly SystemCall mknodat = Define(nameof(mknodat), 259, 33);
    public static readonly SystemCall mmap = Define(nameof(mmap), 9, 222);
    public static readonly SystemCall mount = Define(nameof(mount), 165, 40);
    public static readonly SystemCall mount_setattr = Define(nameof(mount_setattr), 442, 442);
    public static readonly SystemCall move_mount = Define(nameof(move_mount), 429, 429);
    public static readonly SystemCall mprotect = Define(nameof(mprotect), 10, 226);
    public static readonly SystemCall munmap = Define(nameof(munmap), 11, 215);
    public static readonly SystemCall name_to_handle_at = Define(nameof(name_to_handle_at), 303, 264);
    public static readonly SystemCall open_by_handle_at = Define(nameof(open_by_handle_at), 304, 265);
    public static readonly SystemCall open_tree = Define(nameof(open_tree), 428, 428);
    public static readonly SystemCall openat = Define(nameof(openat), 257, 56);
    public static readonly SystemCall openat2 = Define(nameof(openat2), 437, 437);
    public static readonly SystemCall perf_event_open = Define(nameof(perf_event_open), 298, 241);
    public static readonly SystemCall personality = Define(nameof(personality), 135, 92);
    public static readonly SystemCall pidfd_getfd = Define(nameof(pidfd_getfd), 438, 438);
    public static readonly SystemCall pidfd_open = Define(nameof(pidfd_open), 434, 434);
    public static readonly SystemCall pidfd_send_signal = Define(nameof(pidfd_send_signal), 424, 424);
    public static readonly SystemCall pipe2 = Define(nameof(pipe2), 293, 59);
    public static readonly SystemCall pivot_root = Define(nameof(pivot_root), 155, 41);
    public static readonly SystemCall ppoll = Define(nameof(ppoll), 271, 73);
    public static readonly SystemCall prctl = Define(nameof(prctl), 157, 167);
    public static readonly SystemCall pread64 = Define(nameof(pread64), 17, 67);
    public static readonly SystemCall prlimit64 = Define(nameof(prlimit64), 302, 261);
    public static readonly SystemCall process_vm_readv = Define(nameof(process_vm_readv), 310, 270);
    public static readonly SystemCall ptrace = Define(nameof(ptrace), 101, 117);
    public static readonly SystemCall pwrite64 = Define(nameof(pwrite64), 18, 68);
    public static readonly SystemCall quotactl = Define(nameof(quotactl), 179, 60);
    public static readonly SystemCall quotactl_fd = Define(nameof(quotactl_fd), 443, 443);
    public static readonly SystemCall read = Define(nameof(read), 0, 63);
    public static readonly SystemCall readlinkat = Define(nameof(readlinkat), 267, 78);
    public static readonly SystemCall recvfrom = Define(nameof(recvfrom), 45, 207);
    public static readonly SystemCall recvmsg = Define(nameof(recvmsg), 47, 212);
    public static readonly SystemCall renameat2 = Define(nameof(renameat2), 316, 276);
    public static readonly SystemCall request_key = Define(nameof(request_key), 249, 218);
    public static readonly SystemCall rt_sigaction = Define(nameof(rt_sigaction), 13, 134);
    public static readonly SystemCall rt_sigpending = Define(nameof(rt_sigpending), 127, 136);
    public static readonly SystemCall rt_sigprocmask = Define(nameof(rt_sigprocmask), 14, 135);
    public static readonly SystemCall rt_sigtimedwait = Define(nameof(rt_sigtimedwait), 128, 137);
    public static readonly SystemCall sched_getaffinity = Define(nameof(sched_getaffinity), 204, 123);
    public static readonly SystemCall sched_getattr = Define(nameof(sched_getattr), 315, 275);
    public static readonly SystemCall sched_setaffinity = Define(nameof(sched_setaffinity), 203, 122);
    public static readonly SystemCall sched_setattr = Define(nameof(sched_setattr), 314, 274);
    public static readonly SystemCall sched_setscheduler = Define(nameof(sched_setscheduler), 144, 119);
    public static readonly SystemCall seccomp = Define(nameof(seccomp), 317, 277);
    public static readonly SystemCall sendmsg = Define(nameof(sendmsg), 46, 211);
    public static readonly SystemCall sendto = Define(nameof(sendto), 44, 206);
    public static readonly SystemCall setdomainname = Define(nameof(setdomainname), 171, 162);
    public static readonly SystemCall setfsgid = Define(nameof(setfsgid), 123, 152);
    public static readonly SystemCall setfsuid = Define(nameof(setfsuid), 122, 151);
    public static readonly SystemCall setgroups = Define(nameof(setgroups), 116, 159);
    public static readonly SystemCall sethostname = Define(nameof(sethostname), 170, 161);
    public static readonly SystemCall setns = Define(nameof(setns), 308, 268);
    public static readonly SystemCall setpgid = Define(nameof(setpgid), 109, 154);
    public static readonly SystemCall setpriority = Define(nameof(setpriority), 141, 140);
    public static readonly SystemCall setresgid = Define(nameof(setresgid), 119, 149);
    public static readonly SystemCall setresuid = Define(nameof(setresuid), 117, 147);
    public static readonly SystemCall setsid = Define(nameof(setsid), 112, 157);
    public static readonly SystemCall setsockopt = Define(nameof(setsockopt), 54, 208);
    public static readonly SystemCall socket = Define(nameof(socket), 41, 198);
    public static readonly SystemCall socketpair = Define(nameof(socketpair), 53, 199);
    public static readonly SystemCall statx = Define(nameof(statx), 332, 291);
    public static readonly SystemCall symlinkat = Define(nameof(symlinkat), 266, 36);
    public static readonly SystemCall sync_file_range = Define(nameof(sync_file_range), 277, 84);
    public static readonly SystemCall syncfs = Define(nameof(syncfs), 306, 267);
    public static readonly SystemCall tgkill = Define(nameof(tgkill), 234, 131);
    public static readonly SystemCall timerfd_create = Define(nameof(timerfd_create), 283, 85);
    public static readonly SystemCall timerfd_settime = Define(nameof(timerfd_settime), 286, 86);
    public static readonly SystemCall umask = Define(nameof(umask), 95, 166);
    public static readonly SystemCall umount2 = Define(nameof(umount2), 166, 39);
    public static readonly SystemCall uname = Define(nameof(uname), 63, 160);
    public static readonly SystemCall unlinkat = Define(nameof(unlinkat), 263, 35);
    public static readonly SystemCall unshare = Define(nameof(unshare), 272, 97);
    public static readonly SystemCall userfaultfd = Define(nameof(userfaultfd), 323, 282);
    public static readonly SystemCall utimensat = Define(nameof(utimensat), 280, 88);
    public static readonly SystemCall vmsplice = Define(nameof(vmsplice), 278, 75);
    public static readonly SystemCall wait4 = Define(nameof(wait4), 61, 260);
    public static readonly SystemCall waitid = Define(nameof(waitid), 247, 95);
    public static readonly SystemCall write = Define(nameof(write), 1, 64);
    public static readonly SystemCall writev = Define(nameof(writev), 20, 66);

    private static Dictionary<int, string>? s_names;

    /// <summary>The name of a system call by its number, or the number itself.</summary>
    public static string NameOf(int number) => s_names!.GetValueOrDefault(number) ?? $"syscall_{number}";

    // The second table, for arm64, is asm-generic/unistd.h, which every newer architecture shares.
    private static SystemCall Define(string name, int x64, int arm64)
    {
        SystemCall call = new(name, RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => x64,
            Architecture.Arm64 => arm64,
            Architecture other => throw new PlatformNotSupportedException($"Containers runs on x86-64 and arm64, not on {other}."),
        });
        (s_names ??= [])[call.Number] = name;
        return call;
    }

    public override string ToString() => Name;
}
