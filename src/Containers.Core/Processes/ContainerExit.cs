namespace Containers;

/// <summary>How a container's command ended.</summary>
/// <param name="ExitCode">What it returned; 128 + the signal's number when a signal ended it, as shells say it.</param>
/// <param name="Signal">The number of the signal that ended it; null when it returned.</param>
public sealed record ContainerExit(int ExitCode, int? Signal)
{
    /// <summary>Whether it returned 0.</summary>
    public bool IsSuccess => ExitCode == 0;

    /// <summary>"exited with 0", "ended by SIGKILL".</summary>
    public override string ToString() => Signal is { } signal ? $"ended by {Signals.Name(signal)}" : $"exited with {ExitCode}";
}

/// <summary>What a container's command wrote, and how it ended.</summary>
/// <param name="Exit">How it ended.</param>
/// <param name="Output">All of its standard output, as UTF-8.</param>
/// <param name="Error">All of its standard error, as UTF-8.</param>
public sealed record ContainerResult(ContainerExit Exit, string Output, string Error)
{
    /// <summary>What it returned; 128 + the signal's number when a signal ended it.</summary>
    public int ExitCode => Exit.ExitCode;
}
