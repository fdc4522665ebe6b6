namespace Containers.Tests.Escape;

/// <summary>
/// An attempt of the probe, and what has to become of it: exactly that, or one of several, with "or" between them, where it is
/// the kernel's age or configuration that decides. What others than root of a container get is root's answer unless it is told.
/// </summary>
/// <param name="Name">As the probe says it.</param>
/// <param name="Root">For root of a container that has the host's user ids.</param>
/// <param name="User">For another user of a container.</param>
/// <param name="MappedRoot">For root of a user namespace.</param>
/// <param name="JoinedUser">For a user who joins a container whose PID 1 is root's.</param>
public sealed record Attempt(string Name, string Root, string? User = null, string? MappedRoot = null, string? JoinedUser = null)
{
    // Linux 6.11 and 6.12 let a program that runs be written: then it must be one of the container's.
    private const string Busy = "ETXTBSY or one of its own files";

    // Which kernels have these files depends on how they were configured.
    private const string ReadOnly = "EROFS or ENOENT", NotUsers = "EACCES or ENOENT", NotMapped = "EACCES or EROFS or ENOENT", Hidden = "empty or ENOENT";

    /// <summary>What is expected for one who tries.</summary>
    public string For(Identity identity) => identity switch
    {
        Identity.Root or Identity.JoinedRoot => Root,
        Identity.MappedRoot or Identity.JoinedMappedRoot or Identity.OrdinaryHostsRoot or Identity.OrdinaryHostsRootOnFuse => MappedRoot ?? Root,
        Identity.JoinedUser => JoinedUser ?? User ?? Root,
        _ => User ?? Root,
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Attempt> All { get; } =
    [
        // Descriptors, directories, handles.
        new("inherited descriptors", "none"),
        new("descriptors of PID 1", "none", JoinedUser: "EACCES"),
        new("descriptor as working directory", "none"),
        new("up from the root", "ends at its root"),
        new("up from a bind", "ends at its root"),
        new("up from a descriptor", "ends at its root"),
        new("roots of processes", "all its own"),
        new("chroot and walk out", "ends at its root", User: "EPERM"), // CAP_SYS_CHROOT is among the usual ones
        new("open_by_handle_at in the root", "EPERM"),
        new("open_by_handle_at in a bind", "EPERM"),

        // Executables: none is the host's.
        new("write /proc/1/exe", Busy, User: "EACCES"),
        new("write /proc/1/exe through O_PATH", Busy, User: "EACCES"),
        new("write /proc/self/exe", Busy, User: "EACCES"),
        new("write /proc/self/exe through O_PATH", Busy, User: "EACCES"),

        // The kernel's files.
        new("write /proc/self/uid_map", "EPERM"),
        new("lower oom_score_adj", "EACCES"),
        new("addresses in /proc/kallsyms", "hidden or ENOENT"),
        new("write any sysctl", "none"),
        new("write anything in /sys", "none"),
        new("make a cgroup", "EROFS or ENOENT", User: "EROFS or ENOENT or EACCES"),
        new("find a release_agent", "absent"),
        new("unusual devices", "none"),

        // Mounts.
        new("mount proc", "EPERM"),
        new("mount sysfs", "EPERM"),
        new("mount tmpfs", "EPERM"),
        new("mount overlay", "EPERM"),
        new("mount cgroup", "EPERM"),
        new("mount cgroup2", "EPERM"),
        new("mount devtmpfs", "EPERM"),
        new("mount debugfs", "EPERM"),
        new("mount a bind", "EPERM"),
        new("move a mount", "EPERM"),
        new("remount a read-only bind", "EPERM"),
        new("remount a read-only bind by mount_setattr", "EPERM"),
        new("remount /proc/sys", "EPERM"),
        new("remount /sys", "EPERM"),
        new("reopen a file of a read-only bind", "EROFS"),
        new("make mounts shared", "EPERM"),
        new("unmount a mask", "EPERM"),
        new("unmount /proc/sys", "EPERM"),
        new("unmount the root", "EPERM"),
        new("unusual mounts", "none"),

        // Namespaces.
        new("clone a user namespace", "EPERM"),
        new("clone a user and a mount namespace", "EPERM"),
        new("clone a mount namespace", "EPERM"),
        new("clone a PID namespace", "EPERM"),
        new("clone a network namespace", "EPERM"),
        new("clone a cgroup namespace", "EPERM"),
        new("clone3 a user namespace", "ENOSYS"), // its flags are out of a filter's sight, and libc goes on with clone
        new("clone3", "ENOSYS"),
        new("setns to a mount namespace", "EPERM"),
        new("setns to a user namespace", "EPERM"),
        new("setns to any namespace", "EPERM"),
        new("setns to PID 1", "EPERM"),

        // Devices and terminals.
        new("mknod of the host's disk", "EPERM"),
        new("mknod of /dev/mem", "EPERM"),
        new("mknod of /dev/kmsg", "EPERM"),
        new("mknod of /dev/fuse", "EPERM"),
        new("TIOCSTI", "EPERM"),
        new("TIOCSTI with high bits", "EPERM"), // the kernel looks at 32 bits of the request, and so must a filter
        new("TIOCLINUX", "EPERM"),
        new("TIOCLINUX with high bits", "EPERM"),
        new("TIOCCONS", "EPERM"),
        new("make a file immutable", "EPERM or ENOTTY"),
        new("freeze or thaw a file system", "EPERM"),

        // Processes. PID 1 is the container's, so root of the container may trace it; and a user may not, where it is root's.
        new("trace PID 1", "its own or EPERM", JoinedUser: "EPERM"), // EPERM: Yama
        new("process_vm_readv of PID 1", "EPERM"),
        new("process_vm_writev of PID 1", "EPERM"),
        new("memory of PID 1", "its own or EACCES", JoinedUser: "EACCES"),
        new("environment of PID 1", "its own", JoinedUser: "EACCES"),
        new("pidfd_getfd of PID 1", "EPERM"),
        new("signal a process of the host", "ESRCH"),
        new("denied call by tracing", "EPERM"), // a tracer changes the call after the filter was asked, which has to be asked again
        new("nice below zero", "EACCES"),
        new("real-time scheduling", "EPERM"),
        new("greater rlimit", "EPERM"),

        // Privileges.
        new("setuid program", "gains nothing"),
        new("program with file capabilities", "gains nothing"),
        new("raise a capability", "EPERM"),
        new("raise an ambient capability", "EPERM"),
        new("dangerous capabilities in the bounding set", "none"),
        new("become root", "root already", User: "EPERM"),
        new("clear no_new_privs", "EINVAL"),
        new("clear the filter", "EINVAL"),
        new("no_new_privs and the filter", "set"),

        // Sockets. CAP_NET_RAW is among the usual ones, and the network is the container's.
        new("AF_PACKET", "in a network of its own or EAFNOSUPPORT", User: "EPERM or EAFNOSUPPORT"),
        new("raw socket", "in a network of its own", User: "EPERM"),
        new("AF_ALG", "EPERM"),
        new("AF_ALG with high bits", "EPERM"),
        new("AF_VSOCK", "EPERM"),
        new("NETLINK_NETFILTER", "EPERM"),
        new("take the loopback down", "EPERM"),
        new("tables of iptables", "EPERM or ENOPROTOOPT"),
        new("abstract socket of the host", "ECONNREFUSED"),
        new("socket by a path of the host", "ENOENT"),
        new("docker.sock", "ENOENT"),
        new("/dev/log", "ENOENT"),
        new("D-Bus", "ENOENT"),
        new("systemd", "ENOENT"),
        new("loopback of the host", "ECONNREFUSED"),
        new("sockets of the host in /proc/net/unix", "none"),
        new("devices of another network in /sys", "none"),
        new("path of the host", "ENOENT"),

        // Other architectures; SIGSEGV where the kernel was built without i386 (CONFIG_IA32_EMULATION), and knows no int $0x80.
        new("call of i386", "killed SIGSYS or killed SIGSEGV"),
        new("call of x32", "killed SIGSYS"),

        // Files to write.
        new("write /proc/sys/kernel/core_pattern", "EROFS", User: "EACCES", MappedRoot: NotMapped),
        new("write /proc/sys/kernel/modprobe", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /proc/sys/kernel/hostname", "EROFS", User: "EACCES", MappedRoot: NotMapped),
        new("write /proc/sys/kernel/sysrq", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /proc/sys/kernel/ns_last_pid", ReadOnly, User: "EROFS or EACCES or ENOENT"), // anyone's to open, since its namespace decides
        new("write /proc/sys/kernel/randomize_va_space", "EROFS", User: "EACCES", MappedRoot: NotMapped),
        new("write /proc/sys/kernel/shmmax", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /proc/sys/vm/panic_on_oom", "EROFS", User: "EACCES", MappedRoot: NotMapped),
        new("write /proc/sys/vm/drop_caches", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /proc/sys/fs/file-max", "EROFS", User: "EACCES", MappedRoot: NotMapped),
        new("write /proc/sys/net/ipv4/ip_forward", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /proc/sys/user/max_user_namespaces", "EACCES or EROFS or ENOENT"),
        new("write /proc/sysrq-trigger", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /proc/irq/default_smp_affinity", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /proc/sys/fs/binfmt_misc/register", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /sys/kernel/uevent_helper", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /sys/power/state", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /sys/kernel/mm/transparent_hugepage/enabled", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /sys/class/net/lo/mtu", "EROFS", User: "EACCES", MappedRoot: NotMapped),
        new("write /sys/kernel/security/lockdown", "ENOENT"),
        new("write /sys/fs/cgroup/cgroup.procs", ReadOnly, User: NotUsers, MappedRoot: NotMapped),
        new("write /sys/fs/cgroup/pids/cgroup.procs", "ENOENT"),
        new("write /sys/fs/cgroup/devices/devices.allow", "ENOENT"),
        new("write /sys/fs/cgroup/release_agent", "ENOENT"),
        new("write /dev/mem", "ENOENT"),
        new("write /dev/kmsg", "ENOENT"),
        new("write /dev/port", "ENOENT"),
        new("write /dev/kvm", "ENOENT"),
        new("write /dev/fuse", "ENOENT"),
        new("write /dev/net/tun", "ENOENT"),
        new("write /dev/loop-control", "ENOENT"),
        new("write /dev/userfaultfd", "ENOENT"),
        new("write /dev/tty", "ENXIO"),
        new("write /dev/vsock", "ENOENT"),
        new("write /dev/uinput", "ENOENT"),
        new("write /ro/file", "EROFS"),

        // Files to read.
        new("read /proc/kcore", Hidden),
        new("read /proc/keys", Hidden),
        new("read /proc/timer_list", Hidden),
        new("read /proc/timer_stats", Hidden),
        new("read /proc/sched_debug", Hidden),
        new("read /proc/latency_stats", Hidden),
        new("read /proc/interrupts", Hidden),
        new("read /proc/kmsg", "EPERM or ENOENT", User: NotUsers, MappedRoot: "EACCES or EPERM or ENOENT"),
        new("read /proc/vmcore", "ENOENT"),
        new("read /proc/acpi", Hidden),
        new("read /proc/scsi", Hidden),
        new("read /proc/asound", Hidden),
        new("read /sys/firmware", Hidden),
        new("read /sys/devices/virtual/powercap", Hidden),
        new("read /sys/kernel/debug", Hidden, User: Hidden + " or EACCES", MappedRoot: Hidden + " or EACCES"), // places to mount at
        new("read /sys/kernel/tracing", Hidden, User: Hidden + " or EACCES", MappedRoot: Hidden + " or EACCES"),
        new("read /sys/kernel/security", Hidden, User: Hidden + " or EACCES", MappedRoot: Hidden + " or EACCES"),

        // Counts of the host's pages, which root of the host's user ids may read, as in Docker's and runc's containers.
        new("read /proc/kpagecount", "SUCCEEDED read or ENOENT", User: NotUsers, MappedRoot: NotUsers),
        new("read /proc/kpageflags", "SUCCEEDED read or ENOENT", User: NotUsers, MappedRoot: NotUsers),
        new("read /proc/kpagecgroup", "SUCCEEDED read or ENOENT", User: NotUsers, MappedRoot: NotUsers),

        // Calls that the filter answers, whatever their arguments.
        .. new[]
        {
            "unshare user", "unshare user and mount", "unshare mount", "unshare network", "unshare cgroup", "unshare time", "pivot_root",
            "fsopen", "fsopen cgroup", "fspick", "open_tree", "move_mount", "statmount", "listmount", "lsm_list_modules",
            "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key",
            "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "iopl", "ioperm", "reboot", "swapon", "swapoff",
            "acct", "syslog", "settimeofday", "clock_settime", "adjtimex", "sethostname", "setdomainname", "quotactl", "lookup_dcookie", "nfsservctl",
            "uselib", "_sysctl", "vhangup", "fanotify_init", "kcmp", "process_madvise", "set_mempolicy", "mbind", "move_pages", "migrate_pages",
            "personality without randomisation",
        }.Select(name => new Attempt(name, name is "iopl" or "ioperm" or "uselib" or "_sysctl" ? "EPERM or ENOSYS" : "EPERM")), // those are of x86 only
    ];
}
