using System.Globalization;
using Containers.Native;

namespace Containers.Resources;

/// <summary>One value of one file of a cgroup.</summary>
/// <param name="Controller">By v2's name.</param>
/// <param name="File">The file.</param>
/// <param name="Value">What is written.</param>
/// <param name="WhereThere">Whether a kernel without the file is as good.</param>
internal readonly record struct LimitWrite(string Controller, string File, string Value, bool WhereThere = false);

/// <summary>Limits as the files of either version have them: cgroup-v2.rst, cgroup-v1/*.rst.</summary>
internal static class LimitFiles
{
    public static IEnumerable<LimitWrite> Unified(ResourceLimits limits)
    {
        if (limits.MemoryHigh is { } high)
        {
            yield return new("memory", "memory.high", Max(high));
        }

        if (limits.Memory is { } memory)
        {
            yield return new("memory", "memory.max", Max(memory));
        }

        if (limits.Swap is { } swap)
        {
            yield return new("memory", "memory.swap.max", Max(swap));
        }
        else if (limits.Memory is not null)
        {
            yield return new("memory", "memory.swap.max", limits.Memory == ResourceLimits.Unlimited ? "max" : "0", WhereThere: true);
        }

        if (limits.OomGroup is { } group)
        {
            yield return new("memory", "memory.oom.group", group ? "1" : "0");
        }

        if (limits.Cpus is not null || limits.CpuPeriod is not null)
        {
            yield return new("cpu", "cpu.max", $"{(Quota(limits) is { } quota ? Text(quota) : "max")} {Text(LimitChecks.Period(limits))}");
        }

        if (limits.CpuWeight is { } weight)
        {
            yield return new("cpu", "cpu.weight", Text(weight));
        }

        if (limits.CpusetCpus is { } cpus)
        {
            yield return new("cpuset", "cpuset.cpus", cpus);
        }

        if (limits.CpusetMems is { } mems)
        {
            yield return new("cpuset", "cpuset.mems", mems);
        }

        if (limits.Pids is { } pids)
        {
            yield return new("pids", "pids.max", Max(pids));
        }

        foreach (IoLimit io in limits.Io)
        {
            yield return new("io", "io.max", $"{BlockDevice.Find(io.Device)}{Rate("rbps", io.ReadBytes)}{Rate("wbps", io.WriteBytes)}{Rate("riops", io.ReadOperations)}{Rate("wiops", io.WriteOperations)}");
        }

        foreach ((string size, long bytes) in limits.Hugetlb)
        {
            yield return new("hugetlb", $"hugetlb.{size}.max", Max(bytes));
        }

        static string Rate(string name, long? value) => value is { } given ? $" {name}={Max(given)}" : "";
    }

    /// <summary>Those of cgroup v1 but for memory, whose two files depend on each other: <see cref="LegacyMemory"/>.</summary>
    public static IEnumerable<LimitWrite> Legacy(ResourceLimits limits)
    {
        if (limits.Cpus is not null || limits.CpuPeriod is not null)
        {
            yield return new("cpu", "cpu.cfs_quota_us", "-1"); // a period alone may not be what the quota before allows
            yield return new("cpu", "cpu.cfs_period_us", Text(LimitChecks.Period(limits)));
            if (Quota(limits) is { } quota)
            {
                yield return new("cpu", "cpu.cfs_quota_us", Text(quota));
            }
        }

        if (limits.CpuWeight is { } weight)
        {
            yield return new("cpu", "cpu.shares", Text(ResourceLimits.SharesOfCpuWeight(weight)));
        }

        if (limits.CpusetCpus is { } cpus)
        {
            yield return new("cpuset", "cpuset.cpus", cpus);
        }

        if (limits.CpusetMems is { } mems)
        {
            yield return new("cpuset", "cpuset.mems", mems);
        }

        if (limits.Pids is { } pids)
        {
            yield return new("pids", "pids.max", Max(pids));
        }

        foreach (IoLimit io in limits.Io)
        {
            string device = BlockDevice.Find(io.Device);
            (string File, long? Rate)[] rates = [("read_bps", io.ReadBytes), ("write_bps", io.WriteBytes), ("read_iops", io.ReadOperations), ("write_iops", io.WriteOperations)];
            foreach ((string file, long? rate) in rates)
            {
                if (rate is { } given)
                {
                    yield return new("io", $"blkio.throttle.{file}_device", $"{device} {Text(Math.Max(0, given))}"); // 0: no limit
                }
            }
        }

        foreach ((string size, long bytes) in limits.Hugetlb)
        {
            yield return new("hugetlb", $"hugetlb.{size}.limit_in_bytes", Text(bytes));
        }
    }

    /// <summary>
    /// Memory of cgroup v1: memory.memsw counts memory and swap together and is never below memory alone. So what grows is written from above, and
    /// what shrinks from below.
    /// </summary>
    public static IEnumerable<LimitWrite> LegacyMemory(ResourceLimits limits, bool grows)
    {
        if (limits.Memory is null && limits.Swap is null)
        {
            yield break;
        }

        LimitWrite memory = new("memory", "memory.limit_in_bytes", Text(limits.Memory ?? ResourceLimits.Unlimited));
        long both = limits.Swap == ResourceLimits.Unlimited || limits.Memory is null or ResourceLimits.Unlimited ? ResourceLimits.Unlimited : limits.Memory.Value + (limits.Swap ?? 0);
        LimitWrite memsw = new("memory", "memory.memsw.limit_in_bytes", Text(both), WhereThere: limits.Swap is null);
        yield return grows ? memsw : memory;
        yield return grows ? memory : memsw;
    }

    /// <summary>The weight for disks: io.weight is that of io.cost, the other that of the scheduler bfq.</summary>
    /// <exception cref="ContainerException">The kernel has neither.</exception>
    public static LimitWrite IoWeight(CgroupHandle cgroup, bool unified, int weight)
    {
        // bfq's weights end at 1000.
        LimitWrite bfq = new("io", unified ? "io.bfq.weight" : "blkio.bfq.weight", Text(Math.Clamp(weight, 1, 1000)));
        return unified && cgroup.Has("io.weight") ? new LimitWrite("io", "io.weight", Text(weight))
            : cgroup.Has(bfq.File) ? bfq
            : throw new ContainerException("A weight for disks is not possible: the io controller of this kernel has no file for it.", "CONFIG_BLK_CGROUP_IOCOST, or CONFIG_BFQ_GROUP_IOSCHED, is needed.");
    }

    private static long? Quota(ResourceLimits limits) => limits.Cpus is { } cpus and not ResourceLimits.Unlimited ? (long)Math.Round(cpus * LimitChecks.Period(limits)) : null;

    private static string Max(long value) => value == ResourceLimits.Unlimited ? "max" : Text(value);

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
