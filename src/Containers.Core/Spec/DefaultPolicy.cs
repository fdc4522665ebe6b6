using System.Collections.Immutable;

namespace Containers;

/// <summary>What a container is kept from unless its builder says otherwise: the sets that runc, Docker and Podman agree on.</summary>
internal static class DefaultPolicy
{
    /// <summary>Docker's but CAP_MKNOD, as Podman has them: with it, and no cgroup that tells which devices it may open, root inside reads the host's disks.</summary>
    public static ImmutableHashSet<Capability> Capabilities { get; } =
    [
        Capability.Chown, Capability.DacOverride, Capability.Fowner, Capability.Fsetid, Capability.Kill, Capability.SetGid, Capability.SetUid,
        Capability.SetPcap, Capability.NetBindService, Capability.NetRaw, Capability.SysChroot, Capability.AuditWrite, Capability.SetFcap,
    ];

    /// <summary>They tell of the host, or reach into it.</summary>
    public static ImmutableArray<string> MaskedPaths { get; } =
    [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
        "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
    ];

    /// <summary>They set what the whole host goes by.</summary>
    public static ImmutableArray<string> ReadOnlyPaths { get; } = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    public const string Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}
