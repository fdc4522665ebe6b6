using Containers.Native;

namespace Containers;

// How much of its output is read.
public sealed partial class Container
{
    private ReadBudget? _outputBudget;

    private protected override bool Truncated => IsOutputTruncated;

    private protected override SystemCallReport? Told => SystemCalls?.Report();

    /// <summary>Whether it wrote more than <see cref="ContainerBuilder.WithOutputLimit"/> allows. Its streams end at the limit then.</summary>
    public bool IsOutputTruncated => _outputBudget is { Exceeded: true };

    /// <summary>What may be read from both streams together; to be set before anything is.</summary>
    internal void LimitOutput(long bytes)
    {
        _outputBudget = new ReadBudget(bytes, () => Kill(ExitReason.OutputLimit));
        foreach (PipeStream? stream in (ReadOnlySpan<PipeStream?>)[Pipes.Output, Pipes.Error])
        {
            stream?.Budget = _outputBudget;
        }
    }
}
