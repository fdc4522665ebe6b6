using System.Globalization;
using Containers.Native;

namespace Containers.Resources;

/// <summary>Reads what the kernel has counted.</summary>
internal static class StatisticsReader
{
    public static ContainerStatistics Read(ContainerCgroup cgroup)
        => new(Cpu(cgroup), Memory(cgroup), Pids(cgroup), Io(cgroup), Pressure(cgroup, "cpu"), Pressure(cgroup, "memory"), Pressure(cgroup, "io"));

    /// <summary>How many processes were killed for want of memory; 0 without the controller memory.</summary>
    public static long OomKills(ContainerCgroup cgroup)
        => cgroup.With("memory") is { } memory && memory.Handle.TryRead(memory.Unified ? "memory.events" : "memory.oom_control") is { } text ? Keyed.Value(text, "oom_kill") ?? 0 : 0;

    /// <summary>The most memory that was used; null where that is not known.</summary>
    public static long? PeakMemory(ContainerCgroup cgroup)
        => cgroup.With("memory") is { } memory ? Number(memory.Handle.TryRead(memory.Unified ? "memory.peak" : "memory.max_usage_in_bytes")) : null;

    public static CpuStatistics Cpu(ContainerCgroup cgroup)
    {
        // cgroup v2 counts time in every cgroup, whatever controllers it has.
        (long Total, long User, long System) used = default; // nanoseconds
        if (cgroup.Unified?.TryRead("cpu.stat") is { } stat)
        {
            used = (1000 * (Keyed.Value(stat, "usage_usec") ?? 0), 1000 * (Keyed.Value(stat, "user_usec") ?? 0), 1000 * (Keyed.Value(stat, "system_usec") ?? 0));
        }
        else if (cgroup.With("cpuacct") is { } accounts)
        {
            used = (Number(accounts.Handle.Read("cpuacct.usage")) ?? 0, Number(accounts.Handle.Read("cpuacct.usage_user")) ?? 0, Number(accounts.Handle.Read("cpuacct.usage_sys")) ?? 0);
        }

        string limited = cgroup.With("cpu") is { } cpu ? cpu.Handle.TryRead("cpu.stat") ?? "" : "";
        long throttled = (Keyed.Value(limited, "throttled_usec") * 1000) ?? Keyed.Value(limited, "throttled_time") ?? 0;
        return new CpuStatistics(Time(used.Total), Time(used.User), Time(used.System), Keyed.Value(limited, "nr_periods") ?? 0, Keyed.Value(limited, "nr_throttled") ?? 0, Time(throttled));
    }

    private static MemoryStatistics? Memory(ContainerCgroup cgroup)
    {
        if (cgroup.With("memory") is not { } memory)
        {
            return null;
        }

        CgroupHandle handle = memory.Handle;
        string stat = handle.Read("memory.stat");
        if (memory.Unified)
        {
            return new MemoryStatistics(Number(handle.Read("memory.current")) ?? 0, PeakMemory(cgroup), Number(handle.Read("memory.max")), Keyed.Value(stat, "file") ?? 0, Number(handle.TryRead("memory.swap.current")), OomKills(cgroup));
        }

        long? limit = Number(handle.Read("memory.limit_in_bytes"));
        bool none = limit is null or > long.MaxValue - (1 << 20); // in v1 no limit is the greatest one, in whole pages
        return new MemoryStatistics(Number(handle.Read("memory.usage_in_bytes")) ?? 0, PeakMemory(cgroup), none ? null : limit, Keyed.Value(stat, "total_cache") ?? 0, Keyed.Value(stat, "total_swap"), OomKills(cgroup));
    }

    private static PidStatistics? Pids(ContainerCgroup cgroup)
        => cgroup.With("pids") is { Handle: var handle } ? new PidStatistics(Number(handle.Read("pids.current")) ?? 0, Number(handle.TryRead("pids.peak")), Number(handle.Read("pids.max"))) : null;

    private static List<IoStatistics> Io(ContainerCgroup cgroup)
    {
        SortedDictionary<string, IoStatistics> disks = new(StringComparer.Ordinal);
        if (cgroup.With("io") is not { } io)
        {
            return [];
        }

        if (io.Unified)
        {
            // "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0"
            foreach (string[] words in Lines(io.Handle.TryRead("io.stat")).Where(words => words.Length > 1))
            {
                string values = string.Join('\n', words);
                disks[words[0]] = new IoStatistics(words[0], Keyed.Value(values, "rbytes") ?? 0, Keyed.Value(values, "wbytes") ?? 0, Keyed.Value(values, "rios") ?? 0, Keyed.Value(values, "wios") ?? 0);
            }

            return [.. disks.Values];
        }

        // "8:0 Read 4096"
        foreach ((string file, bool bytes) in new[] { ("blkio.throttle.io_service_bytes_recursive", true), ("blkio.throttle.io_serviced_recursive", false) })
        {
            foreach (string[] words in Lines(io.Handle.TryRead(file)).Where(words => words.Length == 3))
            {
                IoStatistics disk = disks.GetValueOrDefault(words[0]) ?? new IoStatistics(words[0], 0, 0, 0, 0);
                long value = Number(words[2]) ?? 0;
                disks[words[0]] = (words[1], bytes) switch
                {
                    ("Read", true) => disk with { ReadBytes = value },
                    ("Write", true) => disk with { WriteBytes = value },
                    ("Read", false) => disk with { ReadOperations = value },
                    ("Write", false) => disk with { WriteOperations = value },
                    _ => disk,
                };
            }
        }

        return [.. disks.Values];
    }

    private static PressureStatistics? Pressure(ContainerCgroup cgroup, string of)
    {
        // "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and the same of "full".
        PressureShare? some = null, full = null;
        foreach (string[] words in Lines(cgroup.Unified?.TryRead(of + ".pressure")).Where(words => words.Length == 5))
        {
            double[] values = [.. words.Skip(1).Select(word => double.Parse(word.AsSpan(word.IndexOf('=', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture))];
            PressureShare share = new(values[0], values[1], values[2], TimeSpan.FromMicroseconds(values[3]));
            some = words[0] == "some" ? share : some;
            full = words[0] == "full" ? share : full;
        }

        return some is { } known ? new PressureStatistics(known, full) : null;
    }

    private static IEnumerable<string[]> Lines(string? text) => (text ?? "").Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private static long? Number(string? text) => text is null ? null : Keyed.Number(text);

    private static TimeSpan Time(long nanoseconds) => TimeSpan.FromTicks(nanoseconds / 100);
}
