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
}
