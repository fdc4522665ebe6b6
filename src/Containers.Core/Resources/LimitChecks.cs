using System.Globalization;

namespace Containers.Resources;

/// <summary>Whether limits make sense: by themselves, and on this host.</summary>
internal static class LimitChecks
{
    private static readonly TimeSpan s_shortestPeriod = TimeSpan.FromMilliseconds(1), s_longestPeriod = TimeSpan.FromSeconds(1);

    /// <exception cref="ArgumentOutOfRangeException">A number is none that could be a limit.</exception>
    /// <exception cref="ArgumentException">A text is none.</exception>
    public static ResourceLimits Check(ResourceLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        Amount(limits.Memory, nameof(limits.Memory), ResourceLimits.MinimumMemory, "it is less than a process needs to start");
        Amount(limits.MemoryHigh, nameof(limits.MemoryHigh), ResourceLimits.MinimumMemory, "it is less than a process needs to start");
        Amount(limits.Swap, nameof(limits.Swap), 0, "there is no negative swap");
        Amount(limits.Pids, nameof(limits.Pids), 1, "the command is a process already");
        Weight(limits.CpuWeight, nameof(limits.CpuWeight));
        Weight(limits.IoWeight, nameof(limits.IoWeight));
        if (limits.CpuPeriod is { } period && (period < s_shortestPeriod || period > s_longestPeriod))
        {
            throw new ArgumentOutOfRangeException(nameof(limits), period, $"{nameof(limits.CpuPeriod)}: 1 ms to 1 s are possible.");
        }

        if (limits.Cpus is { } cpus and not ResourceLimits.Unlimited && !(cpus is > 0 and <= 1_000_000 && cpus * Period(limits) >= 1000))
        {
            throw new ArgumentOutOfRangeException(nameof(limits), cpus, $"{nameof(limits.Cpus)}: at least 1 ms in a period is needed, which is {(1000.0 / Period(limits)).ToString(CultureInfo.InvariantCulture)} of a processor.");
        }

        _ = limits.CpusetCpus is { } processors ? NumberList.Parse(processors, nameof(limits.CpusetCpus)) : null;
        _ = limits.CpusetMems is { } nodes ? NumberList.Parse(nodes, nameof(limits.CpusetMems)) : null;
        foreach (IoLimit io in limits.Io)
        {
            ArgumentException.ThrowIfNullOrEmpty(io?.Device, nameof(limits));
            foreach (long? rate in (ReadOnlySpan<long?>)[io.ReadBytes, io.WriteBytes, io.ReadOperations, io.WriteOperations])
            {
                Amount(rate, $"{nameof(limits.Io)} of {io.Device}", 1, "nothing would ever be done");
            }
        }

        foreach ((string size, long bytes) in limits.Hugetlb)
        {
            Amount(bytes, $"{nameof(limits.Hugetlb)} of {size}", 0, "there are no negative pages");
        }

        return limits;
    }

    /// <summary>Whether the host has what the limits name.</summary>
    /// <exception cref="ContainerException">It has not.</exception>
    public static void CheckHost(ResourceLimits limits)
    {
        Within(limits.CpusetCpus, "/sys/devices/system/cpu/online", "processors");
        Within(limits.CpusetMems, "/sys/devices/system/node/online", "memory nodes");
        foreach (IoLimit io in limits.Io)
        {
            BlockDevice.Find(io.Device);
        }

        static void Within(string? asked, string file, string what)
        {
            if (asked is null)
            {
                return;
            }

            string online = File.Exists(file) ? File.ReadAllText(file).Trim() : "0";
            int[] missing = [.. NumberList.Parse(asked, what).Except(NumberList.Parse(online, file))];
            if (missing.Length > 0)
            {
                throw new ContainerException($"The cpuset \"{asked}\" names {what} that this host does not have: {string.Join(',', missing)}.", $"It has {online}.");
            }
        }
    }

    /// <summary>Microseconds.</summary>
    public static long Period(ResourceLimits limits) => (long)(limits.CpuPeriod?.TotalMicroseconds ?? 100_000);

    private static void Amount(long? value, string name, long least, string why)
    {
        if (value is { } given and not ResourceLimits.Unlimited && given < least)
        {
            throw new ArgumentOutOfRangeException(name, given, $"{name}: {(given < 0 ? $"a limit is not negative, but for {nameof(ResourceLimits)}.{nameof(ResourceLimits.Unlimited)}" : $"at least {least} is needed: {why}")}.");
        }
    }

    private static void Weight(int? value, string name)
    {
        if (value is < 1 or > 10000)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name}: a weight is 1 to 10000.");
        }
    }
}
