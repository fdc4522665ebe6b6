using System.Runtime.InteropServices;

namespace Containers.Native;

/// <summary>A system call: its name and its number on this architecture (asm/unistd.h).</summary>
internal readonly record struct SystemCall(string Name, int Number)
{
    public static readonly SystemCall bind = Define(nameof(bind), 49, 200);
    public static readonly SystemCall capget = Define(nameof(capget), 125, 90);
    public static readonly SystemCall capset = Define(nameof(capset), 126, 91);
    public static readonly SystemCall chdir = Define(nameof(chdir), 80, 49);
    public static readonly SystemCall chroot = Define(nameof(chroot), 161, 51);
    public static readonly SystemCall clock_gettime = Define(nameof(clock_gettime), 228, 113);
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
    public static readonly SystemCall exit_group = Define(nameof(exit_group), 231, 94);
    public static readonly SystemCall faccessat = Define(nameof(faccessat), 269, 48);
    public static readonly SystemCall fallocate = Define(nameof(fallocate), 285, 47);
    public static readonly SystemCall fchdir = Define(nameof(fchdir), 81, 50);
    public static readonly SystemCall fchmod = Define(nameof(fchmod), 91, 52);
    public static readonly SystemCall fchmodat = Define(nameof(fchmodat), 268, 53);
    public static readonly SystemCall fchown = Define(nameof(fchown), 93, 55);
    public static readonly SystemCall fchownat = Define(nameof(fchownat), 260, 54);
    public static readonly SystemCall fcntl = Define(nameof(fcntl), 72, 25);
    public static readonly SystemCall fgetxattr = Define(nameof(fgetxattr), 193, 10);
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
    public static readonly SystemCall getcwd = Define(nameof(getcwd), 79, 17);
    public static readonly SystemCall getdents64 = Define(nameof(getdents64), 217, 61);
    public static readonly SystemCall getegid = Define(nameof(getegid), 108, 177);
    public static readonly SystemCall geteuid = Define(nameof(geteuid), 107, 175);
    public static readonly SystemCall getpid = Define(nameof(getpid), 39, 172);
    public static readonly SystemCall getsockname = Define(nameof(getsockname), 51, 204);
    public static readonly SystemCall gettid = Define(nameof(gettid), 186, 178);
    public static readonly SystemCall ioctl = Define(nameof(ioctl), 16, 29);
    public static readonly SystemCall kill = Define(nameof(kill), 62, 129);
    public static readonly SystemCall lgetxattr = Define(nameof(lgetxattr), 192, 9);
    public static readonly SystemCall linkat = Define(nameof(linkat), 265, 37);
    public static readonly SystemCall llistxattr = Define(nameof(llistxattr), 195, 12);
    public static readonly SystemCall lseek = Define(nameof(lseek), 8, 62);
    public static readonly SystemCall lsetxattr = Define(nameof(lsetxattr), 189, 6);
    public static readonly SystemCall memfd_create = Define(nameof(memfd_create), 319, 279);
    public static readonly SystemCall mkdirat = Define(nameof(mkdirat), 258, 34);
    public static readonly SystemCall mknodat = Define(nameof(mknodat), 259, 33);
    public static readonly SystemCall mount = Define(nameof(mount), 165, 40);
    public static readonly SystemCall mount_setattr = Define(nameof(mount_setattr), 442, 442);
    public static readonly SystemCall move_mount = Define(nameof(move_mount), 429, 429);
    public static readonly SystemCall open_tree = Define(nameof(open_tree), 428, 428);
    public static readonly SystemCall openat = Define(nameof(openat), 257, 56);
    public static readonly SystemCall openat2 = Define(nameof(openat2), 437, 437);
    public static readonly SystemCall pidfd_getfd = Define(nameof(pidfd_getfd), 438, 438);
    public static readonly SystemCall pidfd_open = Define(nameof(pidfd_open), 434, 434);
    public static readonly SystemCall pidfd_send_signal = Define(nameof(pidfd_send_signal), 424, 424);
    public static readonly SystemCall pipe2 = Define(nameof(pipe2), 293, 59);
    public static readonly SystemCall pivot_root = Define(nameof(pivot_root), 155, 41);
    public static readonly SystemCall ppoll = Define(nameof(ppoll), 271, 73);
    public static readonly SystemCall prctl = Define(nameof(prctl), 157, 167);
    public static readonly SystemCall pread64 = Define(nameof(pread64), 17, 67);
    public static readonly SystemCall prlimit64 = Define(nameof(prlimit64), 302, 261);
    public static readonly SystemCall read = Define(nameof(read), 0, 63);
    public static readonly SystemCall readlinkat = Define(nameof(readlinkat), 267, 78);
    public static readonly SystemCall recvfrom = Define(nameof(recvfrom), 45, 207);
    public static readonly SystemCall renameat2 = Define(nameof(renameat2), 316, 276);
    public static readonly SystemCall rt_sigaction = Define(nameof(rt_sigaction), 13, 134);
    public static readonly SystemCall rt_sigprocmask = Define(nameof(rt_sigprocmask), 14, 135);
    public static readonly SystemCall seccomp = Define(nameof(seccomp), 317, 277);
    public static readonly SystemCall sendto = Define(nameof(sendto), 44, 206);
    public static readonly SystemCall setdomainname = Define(nameof(setdomainname), 171, 162);
    public static readonly SystemCall setgroups = Define(nameof(setgroups), 116, 159);
    public static readonly SystemCall sethostname = Define(nameof(sethostname), 170, 161);
    public static readonly SystemCall setns = Define(nameof(setns), 308, 268);
    public static readonly SystemCall setresgid = Define(nameof(setresgid), 119, 149);
    public static readonly SystemCall setresuid = Define(nameof(setresuid), 117, 147);
    public static readonly SystemCall setsid = Define(nameof(setsid), 112, 157);
    public static readonly SystemCall setsockopt = Define(nameof(setsockopt), 54, 208);
    public static readonly SystemCall socket = Define(nameof(socket), 41, 198);
    public static readonly SystemCall statx = Define(nameof(statx), 332, 291);
    public static readonly SystemCall symlinkat = Define(nameof(symlinkat), 266, 36);
    public static readonly SystemCall sync_file_range = Define(nameof(sync_file_range), 277, 84);
    public static readonly SystemCall syncfs = Define(nameof(syncfs), 306, 267);
    public static readonly SystemCall tgkill = Define(nameof(tgkill), 234, 131);
    public static readonly SystemCall umask = Define(nameof(umask), 95, 166);
    public static readonly SystemCall umount2 = Define(nameof(umount2), 166, 39);
    public static readonly SystemCall uname = Define(nameof(uname), 63, 160);
    public static readonly SystemCall unlinkat = Define(nameof(unlinkat), 263, 35);
    public static readonly SystemCall unshare = Define(nameof(unshare), 272, 97);
    public static readonly SystemCall utimensat = Define(nameof(utimensat), 280, 88);
    public static readonly SystemCall waitid = Define(nameof(waitid), 247, 95);
    public static readonly SystemCall write = Define(nameof(write), 1, 64);

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
