using System.Collections.Immutable;

namespace Containers.Security.Seccomp;

/// <summary>The default profile: what usual programs call, and what capabilities are for.</summary>
internal static class DefaultSeccomp
{
    private const ulong Int = 0xffffffff; // what the kernel looks at of an argument that is an int

    // linux/sched.h. CLONE_NEWTIME is not among clone's flags: its bit is part of the exit signal there.
    private const ulong NewNamespaces = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000;

    private const ulong AF_NETLINK = 16, AF_ALG = 38, AF_VSOCK = 40, NETLINK_NETFILTER = 12;
    private const ulong TIOCSTI = 0x5412, TIOCLINUX = 0x541C; // asm-generic/ioctls.h

    private const string Files = """
        access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fallocate fchdir fchmod
        fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr file_getattr file_setattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate
        futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch fanotify_mark lchown lgetxattr link
        linkat listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat name_to_handle_at newfstatat
        open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr removexattrat rename
        renameat renameat2 rmdir sendfile setxattr setxattrat splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask
        unlink unlinkat utime utimensat utimes write writev
        """;

    private const string Waiting = """
        epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 futex futex_requeue
        futex_wait futex_waitv futex_wake io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit poll ppoll pselect6 select
        """;

    private const string Memory = """
        brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mprotect mremap mseal msync
        munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages
        """;

    private const string Processes = """
        arch_prctl capget capset execve execveat exit exit_group fork get_robust_list get_thread_area getcpu getegid geteuid getgid getgroups
        getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid ioprio_get ioprio_set kill
        landlock_add_rule landlock_create_ruleset landlock_restrict_self modify_ldt pidfd_open pidfd_send_signal prctl prlimit64 ptrace restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
        sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp
        set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setpgid setpriority setregid setresgid setresuid
        setreuid setrlimit setsid setuid sysinfo tgkill tkill uname vfork wait4 waitid
        """;

    private const string Signals = """
        alarm getitimer pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
        setitimer sigaltstack signalfd signalfd4 uretprobe
        """;

    private const string Time = """
        adjtimex clock_adjtime clock_getres clock_gettime clock_nanosleep getrandom gettimeofday nanosleep time timer_create timer_delete timer_getoverrun
        timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times
        """;

    private const string Messages = """
        accept accept4 bind connect getpeername getsockname getsockopt listen mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink
        msgctl msgget msgrcv msgsnd pipe pipe2 recvfrom recvmmsg recvmsg semctl semget semop semtimedop sendmmsg sendmsg sendto setsockopt
        shmat shmctl shmdt shmget shutdown socketpair
        """;

    // ADDR_NO_RANDOMIZE (0x40000) and the like weaken what protects a program; these are those that programs ask for: asking, Linux, BSD layouts.
    private static readonly ulong[] s_personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

    public static SeccompProfile Make()
    {
        SeccompProfile profile = SeccompProfile.DenyAll().Allow([.. Split(Files), .. Split(Waiting), .. Split(Memory), .. Split(Processes), .. Split(Signals), .. Split(Time), .. Split(Messages)]);
        foreach (ulong personality in s_personalities)
        {
            profile = profile.Allow("personality", SeccompCondition.Argument(0).Is(personality));
        }

        profile = profile
            .Allow("ioctl")
            .Deny(Errno.EPERM, "ioctl", SeccompCondition.Argument(1).Masked(Int, TIOCSTI))
            .Deny(Errno.EPERM, "ioctl", SeccompCondition.Argument(1).Masked(Int, TIOCLINUX))
            .Allow("socket")
            .Deny(Errno.EPERM, "socket", SeccompCondition.Argument(0).Masked(Int, AF_VSOCK))
            .Deny(Errno.EPERM, "socket", SeccompCondition.Argument(0).Masked(Int, AF_ALG));
        profile = Without(profile, Capability.NetAdmin, Errno.EPERM, "socket",
            SeccompCondition.Argument(0).Masked(Int, AF_NETLINK), SeccompCondition.Argument(2).Masked(Int, NETLINK_NETFILTER));

        // clone3 keeps its flags in memory, where a filter cannot look: ENOSYS makes libc use clone, where it can.
        profile = Without(profile, Capability.SysAdmin, Errno.ENOSYS, "clone3");
        profile = profile.Add(new SeccompRule(["clone"], SeccompAction.Allow, [SeccompCondition.Argument(0).Masked(NewNamespaces, 0)]) { Without = [Capability.SysAdmin] });

        return Capabilities(profile);
    }

    private static SeccompProfile Capabilities(SeccompProfile profile)
    {
        (Capability Capability, string Calls)[] all =
        [
            (Capability.DacReadSearch, "open_by_handle_at"),
            (Capability.SysAdmin, """
                bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount
                open_tree open_tree_attr perf_event_open pivot_root quotactl quotactl_fd setdomainname sethostname setns statmount syslog umount2 unshare
                """),
            (Capability.SysBoot, "reboot"),
            (Capability.SysChroot, "chroot"),
            (Capability.SysModule, "delete_module finit_module init_module"),
            (Capability.SysPacct, "acct"),
            (Capability.SysPtrace, "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev"),
            (Capability.SysRawIo, "ioperm iopl"),
            (Capability.SysTime, "clock_settime settimeofday"),
            (Capability.SysTtyConfig, "vhangup"),
            (Capability.SysNice, "get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node"),
            (Capability.Syslog, "syslog"),
            (Capability.Bpf, "bpf"),
            (Capability.Perfmon, "perf_event_open"),
        ];
        foreach ((Capability capability, string calls) in all)
        {
            profile = profile.Add(new SeccompRule(Split(calls), SeccompAction.Allow, []) { With = [capability] });
        }

        return profile;
    }

    private static SeccompProfile Without(SeccompProfile profile, Capability capability, Errno errno, string name, params SeccompCondition[] conditions)
        => profile.Add(new SeccompRule([name], SeccompAction.Fail(errno), [.. conditions]) { Without = [capability] });

    private static ImmutableArray<string> Split(string names) => [.. names.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];
}
