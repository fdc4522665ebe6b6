namespace Containers;

// Limits that end the command: ContainerExit.Reason tells which.
public sealed partial class ContainerBuilder
{
    /// <summary>Kills the container when the command has run for a time.</summary>
    /// <param name="time">Counted from the execution of the command; time in which the machine sleeps does not count.</param>
    /// <remarks><see cref="ExitReason.WallTime"/> is the reason then. A command that ends by itself before the kill reaches it has exited.</remarks>
    public ContainerBuilder WithTimeout(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        return WithSpec(Spec with { Timeout = time });
    }

    /// <summary>Kills the container when all its processes together have used so much CPU time, in programs and in the kernel.</summary>
    /// <param name="time">On several CPUs at once it goes by faster than the clock.</param>
    /// <remarks>
    /// <see cref="ExitReason.CpuTime"/> is the reason then. The time is that of the container's cgroup, which it has then, since nothing else counts
    /// what processes used that nobody waited for. It is looked at when it can be used up at the earliest, at most each 5 ms:
    /// the container may use as much more on each CPU before it is killed, and 100 ms after it had done nothing for a while.
    /// </remarks>
    public ContainerBuilder WithCpuTimeLimit(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        return WithSpec(Spec with { CpuTimeLimit = time });
    }

    /// <summary>Kills the container when it has written more than so many bytes to standard output and standard error together.</summary>
    /// <param name="bytes">What is handed on of both; 0 for a command that may write nothing.</param>
    /// <remarks>
    /// <see cref="ExitReason.OutputLimit"/> is the reason then, and <see cref="ContainerResult.IsTruncated"/> is true. Counted is what this process has read from the pipes:
    /// a container whose output nobody reads is not killed; it waits, as always, when a pipe is full. What goes to a stream of the host or to /dev/null does not count.
    /// </remarks>
    public ContainerBuilder WithOutputLimit(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        return WithSpec(Spec with { OutputLimit = bytes });
    }

    /// <summary>Limits what the container can add to its root: past it, writing fails with ENOSPC or EDQUOT.</summary>
    /// <param name="bytes">At least 64 KiB.</param>
    /// <param name="kind">What holds it to that.</param>
    /// <remarks>
    /// The number of files is limited with it, to one for each 4 KiB and 1024 more. What is bound from the host has the host's limits; a tmpfs has its own size, and
    /// /dev and /dev/shm 64 MiB each. A root without an overlay (<see cref="WithBindRoot"/>) cannot be limited.
    /// </remarks>
    public ContainerBuilder WithDiskLimit(long bytes, DiskLimitKind kind = DiskLimitKind.Automatic)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, DiskLimit.Minimum);
        return WithSpec(Spec with { DiskLimit = new DiskLimit(bytes, kind) });
    }
}
