namespace Containers;

/// <summary>What the processes of a container have used together, as the kernel counts it in their cgroup. Bytes, and times of processors.</summary>
/// <param name="Cpu">Time of processors.</param>
/// <param name="Memory">Null when the container was started without the controller memory.</param>
/// <param name="Pids">Null when it was started without the controller pids.</param>
/// <param name="Io">One for each disk that was used. Empty when it was started without the controller io (blkio).</param>
/// <param name="CpuPressure">Null where the kernel does not count pressure (CONFIG_PSI, psi=1), or has no cgroup v2.</param>
/// <param name="MemoryPressure">The same of memory.</param>
/// <param name="IoPressure">The same of disks.</param>
public sealed record ContainerStatistics(
    CpuStatistics Cpu,
    MemoryStatistics? Memory,
    PidStatistics? Pids,
    IReadOnlyList<IoStatistics> Io,
    PressureStatistics? CpuPressure,
    PressureStatistics? MemoryPressure,
    PressureStatistics? IoPressure);

/// <summary>Time of processors; that of several is added up.</summary>
/// <param name="Total">All of it.</param>
/// <param name="User">In programs.</param>
/// <param name="System">In the kernel.</param>
/// <param name="Periods">Periods of a limit in which something ran.</param>
/// <param name="ThrottledPeriods">Those in which the limit stopped it.</param>
/// <param name="ThrottledTime">How long it was stopped.</param>
public sealed record CpuStatistics(TimeSpan Total, TimeSpan User, TimeSpan System, long Periods, long ThrottledPeriods, TimeSpan ThrottledTime);

/// <summary>Bytes of memory.</summary>
/// <param name="Current">Now, with page cache and what the kernel keeps for the processes.</param>
/// <param name="Peak">The most there has been; null before Linux 5.19, where cgroup v2 did not keep it.</param>
/// <param name="Limit">Null for none.</param>
/// <param name="Cache">Page cache, which is given back when memory is short.</param>
/// <param name="Swap">What lies in swap; null where it is not counted.</param>
/// <param name="OomKills">How many processes were killed for want of memory.</param>
public sealed record MemoryStatistics(long Current, long? Peak, long? Limit, long Cache, long? Swap, long OomKills);

/// <summary>Processes and threads.</summary>
/// <param name="Current">Now.</param>
/// <param name="Peak">The most there have been; null before Linux 6.1 or so, where it was not kept.</param>
/// <param name="Limit">Null for none.</param>
public sealed record PidStatistics(long Current, long? Peak, long? Limit);

/// <summary>The use of one disk.</summary>
/// <param name="Device">Its numbers, "8:0".</param>
/// <param name="ReadBytes">Bytes read.</param>
/// <param name="WriteBytes">Bytes written, those of the page cache once they are.</param>
/// <param name="ReadOperations">Requests to read.</param>
/// <param name="WriteOperations">Requests to write.</param>
public sealed record IoStatistics(string Device, long ReadBytes, long WriteBytes, long ReadOperations, long WriteOperations);

/// <summary>How much time is lost in waiting for something that is short: PSI, accounting/psi.rst.</summary>
/// <param name="Some">At least one process waited.</param>
/// <param name="Full">All of them did; null where the kernel does not tell.</param>
public sealed record PressureStatistics(PressureShare Some, PressureShare? Full);

/// <summary>A share of time.</summary>
/// <param name="Last10Seconds">In percent.</param>
/// <param name="Last60Seconds">In percent.</param>
/// <param name="Last300Seconds">In percent.</param>
/// <param name="Total">All the time that was lost so far.</param>
public readonly record struct PressureShare(double Last10Seconds, double Last60Seconds, double Last300Seconds, TimeSpan Total);
