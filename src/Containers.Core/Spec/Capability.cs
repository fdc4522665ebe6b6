namespace Containers;

/// <summary>A part of root's privileges: capabilities(7). The names are the kernel's without CAP_.</summary>
public enum Capability
{
    /// <summary>Change owners of files.</summary>
    Chown = 0,

    /// <summary>Bypass permissions of files.</summary>
    DacOverride = 1,

    /// <summary>Bypass read permissions of files and directories.</summary>
    DacReadSearch = 2,

    /// <summary>Act as the owner of any file.</summary>
    Fowner = 3,

    /// <summary>Keep set-user-ID bits when a file is changed.</summary>
    Fsetid = 4,

    /// <summary>Signal any process.</summary>
    Kill = 5,

    /// <summary>Set group ids.</summary>
    SetGid = 6,

    /// <summary>Set user ids.</summary>
    SetUid = 7,

    /// <summary>Drop from the bounding set and change process capabilities.</summary>
    SetPcap = 8,

    /// <summary>Set immutable and append-only flags.</summary>
    LinuxImmutable = 9,

    /// <summary>Bind ports below 1024.</summary>
    NetBindService = 10,

    /// <summary>Broadcast and listen to multicast (unused).</summary>
    NetBroadcast = 11,

    /// <summary>Administer the network.</summary>
    NetAdmin = 12,

    /// <summary>Use raw and packet sockets.</summary>
    NetRaw = 13,

    /// <summary>Lock memory.</summary>
    IpcLock = 14,

    /// <summary>Bypass permissions of System V IPC.</summary>
    IpcOwner = 15,

    /// <summary>Load and unload kernel modules.</summary>
    SysModule = 16,

    /// <summary>Access I/O ports and memory.</summary>
    SysRawIo = 17,

    /// <summary>Use chroot and setns to mount namespaces.</summary>
    SysChroot = 18,

    /// <summary>Trace any process.</summary>
    SysPtrace = 19,

    /// <summary>Use process accounting.</summary>
    SysPacct = 20,

    /// <summary>Administer the system: mounts, namespaces and much else.</summary>
    SysAdmin = 21,

    /// <summary>Reboot and load a new kernel.</summary>
    SysBoot = 22,

    /// <summary>Raise priorities and set affinities.</summary>
    SysNice = 23,

    /// <summary>Override resource limits.</summary>
    SysResource = 24,

    /// <summary>Set the clock.</summary>
    SysTime = 25,

    /// <summary>Configure terminals.</summary>
    SysTtyConfig = 26,

    /// <summary>Create device nodes.</summary>
    Mknod = 27,

    /// <summary>Take leases on any file.</summary>
    Lease = 28,

    /// <summary>Write to the audit log.</summary>
    AuditWrite = 29,

    /// <summary>Control auditing.</summary>
    AuditControl = 30,

    /// <summary>Set capabilities of files.</summary>
    SetFcap = 31,

    /// <summary>Override mandatory access control.</summary>
    MacOverride = 32,

    /// <summary>Configure mandatory access control.</summary>
    MacAdmin = 33,

    /// <summary>Use syslog(2).</summary>
    Syslog = 34,

    /// <summary>Wake the system up.</summary>
    WakeAlarm = 35,

    /// <summary>Keep the system from suspending.</summary>
    BlockSuspend = 36,

    /// <summary>Read the audit log.</summary>
    AuditRead = 37,

    /// <summary>Use performance monitoring (Linux 5.8).</summary>
    Perfmon = 38,

    /// <summary>Use bpf(2) (Linux 5.8).</summary>
    Bpf = 39,

    /// <summary>Checkpoint and restore (Linux 5.9).</summary>
    CheckpointRestore = 40,
}
