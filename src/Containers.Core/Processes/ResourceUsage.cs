using Containers.Native;

namespace Containers;

/// <summary>What a container used.</summary>
/// <param name="UserTime">CPU time in its programs.</param>
/// <param name="SystemTime">CPU time in the kernel on its behalf.</param>
/// <param name="PeakMemoryBytes">The most memory it had at a time; null where that is not known.</param>
/// <remarks>
/// Of all the container's processes where a cgroup counts them. Without one, of the command and those of its children that it waited for: memory
/// is that of the largest of them then, and known only when it is more than this process ever had, since a child begins
/// with the peak of the process it was cloned from (getrusage(2), ru_maxrss).
/// </remarks>
public sealed record ResourceUsage(TimeSpan UserTime, TimeSpan SystemTime, long? PeakMemoryBytes)
{
    /// <summary>Both together.</summary>
    public TimeSpan CpuTime => UserTime + SystemTime;

    /// <summary>The most memory this process has had so far, in KiB: what a child that is just executing its command has inherited at most.</summary>
    internal static unsafe long InheritedPeak()
    {
        Kernel.rusage own;
        return Kernel.getrusage(Kernel.RUSAGE_SELF, &own) < 0 ? long.MaxValue : own.ru_maxrss;
    }

    internal static ResourceUsage Of(in Kernel.rusage usage, long inheritedPeak)
        => new(Time(usage.ru_utime), Time(usage.ru_stime), usage.ru_maxrss > inheritedPeak ? usage.ru_maxrss * 1024 : null);

    private static TimeSpan Time(Kernel.timeval time) => TimeSpan.FromSeconds(time.tv_sec) + TimeSpan.FromMicroseconds(time.tv_usec);
}
