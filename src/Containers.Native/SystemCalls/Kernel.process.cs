using System.Runtime.InteropServices;

namespace Containers.Native;

// linux/sched.h, linux/futex.h, linux/wait.h, linux/pidfd.h, linux/prctl.h, poll.h, sys/epoll.h: processes and waiting for them.
internal static unsafe partial class Kernel
{
    public const ulong CLONE_VM = 0x100;
    public const ulong CLONE_FILES = 0x400;
    public const ulong CLONE_VFORK = 0x4000;
    public const ulong CLONE_PARENT = 0x8000;
    public const ulong CLONE_NEWTIME = 0x80;
    public const ulong CLONE_NEWNS = 0x20000;
    public const ulong CLONE_NEWCGROUP = 0x2000000;
    public const ulong CLONE_NEWUTS = 0x4000000;
    public const ulong CLONE_NEWIPC = 0x8000000;
    public const ulong CLONE_NEWUSER = 0x10000000;
    public const ulong CLONE_NEWPID = 0x20000000;
    public const ulong CLONE_NEWNET = 0x40000000;
    public const ulong CLONE_INTO_CGROUP = 0x200000000;

    public const int FUTEX_WAIT = 0;
    public const int FUTEX_WAKE = 1;

    public const int P_PIDFD = 3;
    public const int WEXITED = 4;
    public const int WNOHANG = 1;
    public const int WNOWAIT = 0x1000000;
    public const int __WALL = 0x40000000;
    public const int CLD_EXITED = 1;

    public const int SIGKILL = 9;
    public const int SIGTERM = 15;
    public const int SIGCHLD = 17;
    public const int SIGSYS = 31;
    public const int SIG_SETMASK = 2;

    public const int PR_SET_PDEATHSIG = 1;
    public const int PR_GET_DUMPABLE = 3;
    public const int PR_SET_DUMPABLE = 4;
    public const int PR_SET_CHILD_SUBREAPER = 36;
    public const int PR_CAPBSET_DROP = 24;
    public const int PR_SET_NO_NEW_PRIVS = 38;
    public const int PR_CAP_AMBIENT = 47;
    public const int PR_CAP_AMBIENT_CLEAR_ALL = 4;

    public const uint CLOSE_RANGE_UNSHARE = 2;
    public const uint CLOSE_RANGE_CLOEXEC = 4;

    public const short POLLIN = 1;
    public const short POLLPRI = 2;
    public const short POLLOUT = 4;

    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_DEL = 2;
    public const int EPOLL_CTL_MOD = 3;
    public const uint EPOLLIN = 1;
    public const uint EPOLLPRI = 2;
    public const uint EPOLLOUT = 4;
    public const uint EPOLLONESHOT = 1u << 30;

    /// <summary>siginfo_t as waitid fills it (asm-generic/siginfo.h).</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    public struct siginfo_t
    {
        public int si_signo;
        public int si_errno;
        public int si_code;
        private readonly int padding;
        public int si_pid;
        public uint si_uid;
        public int si_status;
    }

    public const int RUSAGE_SELF = 0;

    /// <summary>What a process used, and those that it has waited for: sys/resource.h.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 144)]
    public struct rusage
    {
        public timeval ru_utime;
        public timeval ru_stime;

        /// <summary>In KiB, of the largest of the processes. A child begins with that of the memory it left at exec.</summary>
        public long ru_maxrss;
    }

    /// <summary>linux/time.h, on 64-bit architectures.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct timeval
    {
        public long tv_sec;
        public long tv_usec;
    }

    public const ulong PIDFD_INFO_EXIT = 8;
    public const long PIDFD_GET_INFO = 0xC040FF0B; // _IOWR(0xFF, 11, struct pidfd_info), 64 bytes as of Linux 6.13

    /// <summary>linux/pidfd.h, PIDFD_INFO_SIZE_VER0.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    public struct pidfd_info
    {
        public ulong mask;
        public ulong cgroupid;
        public uint pid;
        public uint tgid;
        public uint ppid;
        public uint ruid;
        public uint rgid;
        public uint euid;
        public uint egid;
        public uint suid;
        public uint sgid;
        public uint fsuid;
        public uint fsgid;
        public int exit_code;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct pollfd
    {
        public int fd;
        public short events;
        public short revents;
    }

    public static long futex_wait(uint* word, uint value) => Call(SystemCall.futex, (long)word, FUTEX_WAIT, value);

    public static long futex_wake(uint* word) => Call(SystemCall.futex, (long)word, FUTEX_WAKE, int.MaxValue);

    /// <param name="usage">A fifth argument that only the kernel's own call has; null where it is not wanted.</param>
    public static int waitid(int type, int id, siginfo_t* info, int options, rusage* usage = null)
        => (int)Retry(SystemCall.waitid, type, id, (long)info, options, (long)usage);

    public static int getrusage(int who, rusage* usage) => (int)Call(SystemCall.getrusage, who, (long)usage);

    public static int pidfd_open(int pid) => (int)Call(SystemCall.pidfd_open, pid);

    public static int pidfd_send_signal(int pidfd, int signal) => (int)Call(SystemCall.pidfd_send_signal, pidfd, signal);

    public static long prctl(int operation, long a = 0, long b = 0, long c = 0, long d = 0)
        => Call(SystemCall.prctl, operation, a, b, c, d);

    public static int geteuid() => (int)Call(SystemCall.geteuid);

    public static int getegid() => (int)Call(SystemCall.getegid);

    public static int setns(int descriptor, ulong types) => (int)Call(SystemCall.setns, descriptor, (long)types);

    public static int ppoll(pollfd* descriptors, int count, timespec* timeout)
        => (int)Retry(SystemCall.ppoll, (long)descriptors, count, (long)timeout);
}
