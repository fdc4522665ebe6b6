using System.Collections.Immutable;

namespace Containers;

/// <summary>
/// What the processes of a container may use together. What is null is not limited, or, in <see cref="Container.UpdateAsync"/>, stays as
/// it is; <see cref="Unlimited"/> takes a limit away. Each limit is one of a cgroup controller, which the host must have.
/// </summary>
public sealed record ResourceLimits
{
    /// <summary>No limit, where a number is asked for.</summary>
    public const long Unlimited = -1;

    /// <summary>The least memory that a limit can leave: what the kernel keeps for one small process, its stacks and page tables.</summary>
    public const long MinimumMemory = 1 << 20;

    /// <summary>Nothing is limited.</summary>
    public static ResourceLimits None { get; } = new();

    /// <summary>
    /// Bytes of memory, page cache and kernel memory included. What cannot be freed to stay below it makes the kernel kill a process of the
    /// container. (memory.max; v1: memory.limit_in_bytes.)
    /// </summary>
    public long? Memory { get; init; }

    /// <summary>Bytes of memory above which the processes are slowed down and their memory is taken back, with none killed. cgroup v2 only. (memory.high.)</summary>
    public long? MemoryHigh { get; init; }

    /// <summary>
    /// Bytes of swap beside the memory, as v2 counts (memory.swap.max); OCI's "swap" is memory and swap together. A limit on memory alone leaves no swap,
    /// where the kernel counts swap at all.
    /// </summary>
    public long? Swap { get; init; }

    /// <summary>Whether, for want of memory, all processes of the container are killed and not the greatest one only. (memory.oom.group; on cgroup v1 this process does it.)</summary>
    public bool? OomGroup { get; init; }

    /// <summary>Processors' worth of time: 1.5 is one and a half. (cpu.max; v1: cpu.cfs_quota_us.)</summary>
    public double? Cpus { get; init; }

    /// <summary>The period over which <see cref="Cpus"/> is counted, 1 ms to 1 s; 100 ms when it is null.</summary>
    public TimeSpan? CpuPeriod { get; init; }

    /// <summary>The share of the processors when others want them too, 1 to 10000; 100 is usual. (cpu.weight; v1: cpu.shares.)</summary>
    public int? CpuWeight { get; init; }

    /// <summary>The processors it runs on, as "0-3,6". (cpuset.cpus.)</summary>
    public string? CpusetCpus { get; init; }

    /// <summary>The memory nodes it takes memory of, as "0-1". (cpuset.mems.)</summary>
    public string? CpusetMems { get; init; }

    /// <summary>Processes and threads. (pids.max.)</summary>
    public long? Pids { get; init; }

    /// <summary>The share of disks when others want them too, 1 to 10000; 100 is usual. The disk's scheduler has to know of it: bfq, or io.cost. (io.weight, io.bfq.weight; v1: blkio.bfq.weight.)</summary>
    public int? IoWeight { get; init; }

    /// <summary>Limits on the use of single disks. (io.max; v1: blkio.throttle.*.)</summary>
    public ImmutableArray<IoLimit> Io { get; init; } = [];

    /// <summary>Bytes of huge pages by their size, which is written as the kernel does: "2MB", "1GB". (hugetlb.SIZE.max.)</summary>
    public ImmutableDictionary<string, long> Hugetlb { get; init; } = ImmutableDictionary<string, long>.Empty;

    /// <summary>cgroup v1's and OCI's cpu shares (2 to 262144, 1024 is usual) as a weight.</summary>
    /// <param name="shares">The shares; beyond the ends they count as the ends.</param>
    public static int CpuWeightOfShares(long shares) => (int)(1 + ((Math.Clamp(shares, 2, 262144) - 2) * 9999 / 262142));

    /// <summary>A weight as cgroup v1's cpu shares.</summary>
    /// <param name="weight">1 to 10000.</param>
    public static long SharesOfCpuWeight(int weight) => 2 + (((long)Math.Clamp(weight, 1, 10000) - 1) * 262142 / 9999);

    /// <summary>These limits, and those of the others where they say something.</summary>
    internal ResourceLimits With(ResourceLimits other) => new()
    {
        Memory = other.Memory ?? Memory,
        MemoryHigh = other.MemoryHigh ?? MemoryHigh,
        Swap = other.Swap ?? Swap,
        OomGroup = other.OomGroup ?? OomGroup,
        Cpus = other.Cpus ?? Cpus,
        CpuPeriod = other.CpuPeriod ?? CpuPeriod,
        CpuWeight = other.CpuWeight ?? CpuWeight,
        CpusetCpus = other.CpusetCpus ?? CpusetCpus,
        CpusetMems = other.CpusetMems ?? CpusetMems,
        Pids = other.Pids ?? Pids,
        IoWeight = other.IoWeight ?? IoWeight,
        Io = [.. Io.Where(old => !other.Io.Any(one => one.Device == old.Device)), .. other.Io],
        Hugetlb = Hugetlb.SetItems(other.Hugetlb),
    };

    /// <summary>The controllers that they are limits of, by v2's names.</summary>
    internal IEnumerable<string> Controllers()
    {
        if ((Memory ?? MemoryHigh ?? Swap) is not null || OomGroup is not null)
        {
            yield return "memory";
        }

        if (Cpus is not null || CpuWeight is not null || CpuPeriod is not null)
        {
            yield return "cpu";
        }

        if ((CpusetCpus ?? CpusetMems) is not null)
        {
            yield return "cpuset";
        }

        if (Pids is not null)
        {
            yield return "pids";
        }

        if (IoWeight is not null || !Io.IsEmpty)
        {
            yield return "io";
        }

        if (!Hugetlb.IsEmpty)
        {
            yield return "hugetlb";
        }
    }
}

/// <summary>Limits on the use of one disk, by the second. What is null is not limited.</summary>
/// <param name="Device">A block device: its path, or its numbers as "8:0". A partition stands for its disk.</param>
/// <param name="ReadBytes">Bytes read.</param>
/// <param name="WriteBytes">Bytes written.</param>
/// <param name="ReadOperations">Requests to read.</param>
/// <param name="WriteOperations">Requests to write.</param>
public sealed record IoLimit(string Device, long? ReadBytes = null, long? WriteBytes = null, long? ReadOperations = null, long? WriteOperations = null);
