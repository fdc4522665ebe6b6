namespace Containers.Host;

/// <summary>What would give a feature where it is missing, in one place: for the table of capabilities and for errors.</summary>
internal static class HostHints
{
    /// <summary>What would give it, and where to look.</summary>
    public static string For(HostFeature feature) => $"{Remedy(feature)} {Refer}";

    /// <summary>The sentence that errors end with.</summary>
    public const string Refer = "HostCapabilities.Probe() tells what this host has.";

    public static string Remedy(HostFeature feature) => feature switch
    {
        HostFeature.Clone3 => "Linux 5.5 or newer, and no seccomp filter that refuses it (that of an old container engine around this process does).",
        HostFeature.CloneIntoCgroup => "Linux 5.7 or newer.",
        HostFeature.PidFd => "Linux 5.4 or newer.",
        HostFeature.PidFdExitStatus => "Linux 6.15 or newer. Only a host process that is PID 1 or ignores SIGCHLD needs it.",
        HostFeature.MountNamespace or HostFeature.PidNamespace or HostFeature.UtsNamespace or HostFeature.IpcNamespace or HostFeature.NetNamespace or HostFeature.CgroupNamespace
            => "A kernel that is built with it (CONFIG_NAMESPACES and what is below it), and root or user namespaces.",
        HostFeature.TimeNamespace => "Linux 6.3 or newer, built with CONFIG_TIME_NS.",
        HostFeature.UserNamespace => "A kernel with CONFIG_USER_NS, and no restriction: kernel.apparmor_restrict_unprivileged_userns=0 or an AppArmor profile that allows userns, kernel.unprivileged_userns_clone=1, user.max_user_namespaces above 0.",
        HostFeature.SubordinateIds => "Lines for this user in /etc/subuid and /etc/subgid (usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER), and the package uidmap. Root needs neither.",
        HostFeature.Cgroups => "A mount of cgroup2 on /sys/fs/cgroup that this process may write to.",
        HostFeature.MemoryController or HostFeature.CpuController or HostFeature.CpusetController or HostFeature.PidsController or HostFeature.IoController or HostFeature.HugetlbController
            => "Root; or, on a host with cgroup v2, a part of the tree that was delegated with the controller (SystemdScope.EnterAsync() of the package Containers.Systemd, or systemd-run --user --scope -p Delegate=yes COMMAND).",
        HostFeature.Overlay => "The overlay module (modprobe overlay), and root.",
        HostFeature.OverlayInUserNamespace => "Linux 5.11 or newer with user namespaces. Otherwise a copy of the root (WithCopiedRoot()), or fuse-overlayfs (WithFuseOverlayRoot()).",
        HostFeature.OverlayLowerAppend => "Linux 6.7 or newer. Before, the paths of all layers have to fit into one page.",
        HostFeature.OverlayIdmappedLower => "Linux 5.19 or newer, and layers on a file system with idmapped mounts.",
        HostFeature.FuseOverlayfs => "The package fuse-overlayfs, and a /dev/fuse that this user may open (udev gives it the mode 666).",
        HostFeature.IdmappedMounts => "Linux 5.12 or newer, a file system that has them (ext4 and xfs 5.12, btrfs 5.15, tmpfs 6.3), and root.",
        HostFeature.MountSetattr => "Linux 5.12 or newer.",
        HostFeature.Seccomp => "A kernel with CONFIG_SECCOMP_FILTER.",
        HostFeature.SeccompNotify => "Linux 5.0 or newer with CONFIG_SECCOMP_FILTER.",
        HostFeature.Landlock => "Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK, and landlock in the list of the kernel parameter lsm=.",
        HostFeature.AppArmor => "A kernel that was started with AppArmor (lsm=…,apparmor).",
        HostFeature.SeLinux => "A kernel that was started with SELinux.",
        HostFeature.Pasta => "The package passt.",
        _ => "",
    };
}
