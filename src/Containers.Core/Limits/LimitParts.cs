using Containers.Launch;
using Containers.Native;

namespace Containers.Limits;

/// <summary>What watches over the limits that end a command.</summary>
internal static class LimitParts
{
    public static IEnumerable<LaunchPart> Of(ContainerSpec spec)
    {
        if (spec.Timeout is { } time)
        {
            yield return new WallTimePart(time);
        }

        if (spec.CpuTimeLimit is { } cpuTime)
        {
            yield return new CpuTimePart(cpuTime);
        }

        if (spec.OutputLimit is { } bytes)
        {
            yield return new OutputPart(bytes);
        }

        if (spec.DiskLimit is { } disk)
        {
            yield return new DiskPart(disk);
        }
    }
}

/// <summary>Ends the container at a time.</summary>
internal sealed class WallTimePart(TimeSpan limit) : LaunchPart
{
    private PollTimer? _timer;

    public override void Prepare(LaunchRequest request) => _timer = new PollTimer();

    public override void Started(Container container) => _timer!.Set(limit, () => container.Kill(ExitReason.WallTime));

    public override ContainerExit Explain(ContainerExit exit)
    {
        _timer?.Dispose();
        return exit;
    }

    public override void Dispose()
    {
        _timer?.Dispose();
        base.Dispose();
    }
}

/// <summary>Ends the container when it has written too much.</summary>
internal sealed class OutputPart(long limit) : LaunchPart
{
    public override void Prepare(LaunchRequest request)
    {
        if (request.Spec is { StandardOutput: not StandardStream.Pipe, StandardError: not StandardStream.Pipe })
        {
            throw new ContainerException("The output cannot be limited: neither standard output nor standard error is a pipe to this process.",
                $"{nameof(ContainerBuilder.WithStandardStreams)} decides; without {nameof(ContainerBuilder.WithOutputLimit)} they can go where they like.");
        }
    }

    public override void Started(Container container) => container.LimitOutput(limit);
}
