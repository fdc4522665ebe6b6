namespace Containers;

/// <summary>Something a host has or lacks that containers are made of.</summary>
public enum HostFeature
{
    /// <summary>clone3(2), by which every container begins.</summary>
    Clone3,

    /// <summary>A child that is born in its cgroup: CLONE_INTO_CGROUP.</summary>
    CloneIntoCgroup,

    /// <summary>Processes by descriptor, and waiting for them: pidfd_open(2), waitid(2) with P_PIDFD.</summary>
    PidFd,

    /// <summary>The status of a child also where somebody else has taken it: PIDFD_GET_INFO with PIDFD_INFO_EXIT.</summary>
    PidFdExitStatus,

    /// <summary>Mount namespaces.</summary>
    MountNamespace,

    /// <summary>PID namespaces.</summary>
    PidNamespace,

    /// <summary>UTS namespaces: host names.</summary>
    UtsNamespace,

    /// <summary>IPC namespaces.</summary>
    IpcNamespace,

    /// <summary>Network namespaces.</summary>
    NetNamespace,

    /// <summary>Cgroup namespaces.</summary>
    CgroupNamespace,

    /// <summary>Time namespaces that a child enters when it executes its command.</summary>
    TimeNamespace,

    /// <summary>User namespaces that this process may make, and has power in: what containers without root stand on.</summary>
    UserNamespace,

    /// <summary>More than one id in a user namespace of a user: /etc/subuid and /etc/subgid, newuidmap(1) and newgidmap(1).</summary>
    SubordinateIds,

    /// <summary>Cgroups, in either version.</summary>
    Cgroups,

    /// <summary>A limit on memory.</summary>
    MemoryController,

    /// <summary>A limit on CPU.</summary>
    CpuController,

    /// <summary>A choice of processors and memory nodes.</summary>
    CpusetController,

    /// <summary>A limit on the number of processes.</summary>
    PidsController,

    /// <summary>A limit on what disks carry.</summary>
    IoController,

    /// <summary>A limit on huge pages.</summary>
    HugetlbController,

    /// <summary>An overlay mounted by root.</summary>
    Overlay,

    /// <summary>An overlay mounted in a user namespace: userxattr.</summary>
    OverlayInUserNamespace,

    /// <summary>Lower directories one by one, so that their number has no limit but the kernel's 500: lowerdir+.</summary>
    OverlayLowerAppend,

    /// <summary>An overlay whose lower directories have their owners mapped.</summary>
    OverlayIdmappedLower,

    /// <summary>An overlay without the kernel: fuse-overlayfs(1), and /dev/fuse for this user.</summary>
    FuseOverlayfs,

    /// <summary>Mounts that show other owners: MOUNT_ATTR_IDMAP.</summary>
    IdmappedMounts,

    /// <summary>Mounts that are made read-only with all below them: mount_setattr(2).</summary>
    MountSetattr,

    /// <summary>Filters of system calls.</summary>
    Seccomp,

    /// <summary>System calls that another process decides about: SECCOMP_RET_USER_NOTIF.</summary>
    SeccompNotify,

    /// <summary>Rules on files that a process gives itself.</summary>
    Landlock,

    /// <summary>AppArmor profiles.</summary>
    AppArmor,

    /// <summary>SELinux labels.</summary>
    SeLinux,

    /// <summary>Networks for containers of a user: pasta(1).</summary>
    Pasta,
}
