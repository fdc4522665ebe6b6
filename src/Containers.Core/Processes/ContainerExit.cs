namespace Containers;

/// <summary>How a container's command ended, and why.</summary>
/// <param name="ExitCode">What it returned; 128 + the signal's number when a signal ended it, as shells say it.</param>
/// <param name="Signal">The number of the signal that ended it; null when it returned.</param>
/// <remarks>Two are equal when code, signal and reason are; what was used is a measurement.</remarks>
public sealed record ContainerExit(int ExitCode, int? Signal)
{
    /// <summary>Who or what ended it.</summary>
    public ExitReason Reason { get; init; } = Signal is null ? ExitReason.Exited : ExitReason.Signaled;

    /// <summary>What it used; null where the host cannot know: it is PID 1 or ignores SIGCHLD, and there is no cgroup.</summary>
    public ResourceUsage? Usage { get; init; }

    /// <summary>Whether it returned 0.</summary>
    public bool IsSuccess => ExitCode == 0;

    /// <inheritdoc/>
    public bool Equals(ContainerExit? other) => other is not null && (ExitCode, Signal, Reason) == (other.ExitCode, other.Signal, other.Reason);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(ExitCode, Signal, Reason);

    /// <summary>"exited with 0", "ended by SIGSEGV", "ended by SIGKILL: out of memory".</summary>
    public override string ToString() => (Signal is { } signal ? $"ended by {Signals.Name(signal)}" : $"exited with {ExitCode}") + Reason switch
    {
        ExitReason.OutOfMemory => ": out of memory",
        ExitReason.WallTime => ": its time was over",
        ExitReason.CpuTime => ": its CPU time was used up",
        ExitReason.OutputLimit => ": it wrote more than it may",
        ExitReason.Killed => ": killed by its caller",
        _ => "",
    };
}

/// <summary>What a container's command wrote, and how it ended.</summary>
/// <param name="Exit">How it ended.</param>
/// <param name="Output">All of its standard output, as UTF-8.</param>
/// <param name="Error">All of its standard error, as UTF-8.</param>
public sealed record ContainerResult(ContainerExit Exit, string Output, string Error)
{
    /// <summary>What it returned; 128 + the signal's number when a signal ended it.</summary>
    public int ExitCode => Exit.ExitCode;

    /// <summary>Who or what ended it.</summary>
    public ExitReason Reason => Exit.Reason;

    /// <summary>Whether it wrote more than <see cref="ContainerBuilder.WithOutputLimit"/> allows, so that the texts end at the limit.</summary>
    public bool IsTruncated { get; init; }

    /// <summary>Which system calls were refused or made; null unless <see cref="ContainerBuilder.WithSystemCallReport"/> or <see cref="ContainerBuilder.WithSystemCallLearning"/> asked for it, and for the result of a further process, whose calls are in the container's report.</summary>
    public SystemCallReport? SystemCallReport { get; init; }
}
