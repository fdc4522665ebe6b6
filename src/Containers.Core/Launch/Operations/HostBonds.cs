using Containers.Native;

namespace Containers.Launch;

/// <summary>Ties the child's life to the host process: what is left of a killed host must not be running.</summary>
internal sealed class DieWithHost(int hostPidFd) : LaunchOperation
{
    public override string Name => "die with the host process";

    public override string Why => "A host that is killed takes its containers with it";

    public override void Compile(PlanCompiler plan) => plan.Program.AddDieWith(hostPidFd);

    public override void Shell(ShellScript script)
    {
    }
}

/// <summary>Waits until the host has done its part.</summary>
/// <param name="gate">Where.</param>
/// <param name="announced">Whether the host is told at the first gate, too: where it could not know before that there is a child.</param>
internal sealed class WaitAtGate(LaunchGate gate, bool announced = false) : LaunchOperation
{
    public override string Name => gate == LaunchGate.Born ? "wait for the host" : "wait for the word to begin";

    public override string Why => gate == LaunchGate.Born
        ? "The host gives the child its place first: ids, a cgroup"
        : "All is made; what watches over the command has to be there before it";

    public override void Compile(PlanCompiler plan)
    {
        StepProgram.StepReference step = plan.Program.AddGate((int)gate);
        if (announced || gate != LaunchGate.Born) // there is nothing before it that the host would have to wait for
        {
            step.Announce();
        }
    }

    public override void Shell(ShellScript script)
    {
    }
}

/// <summary>Leaves all of the host's descriptors but the three that become the command's.</summary>
internal sealed class TakeStreams(int hostPidFd, params IReadOnlyList<int> others) : LaunchOperation
{
    private const uint AllAbove = uint.MaxValue;

    public override string Name => "take standard streams";

    public override string Why => "The container gets descriptors 0, 1 and 2 and no other of the host's";

    public override void Compile(PlanCompiler plan)
    {
        (int input, int output, int error) = plan.Request.Streams;
        int placeholder = hostPidFd; // keeps a number that becomes /dev/null once there is one
        ReadOnlySpan<int> sources = [input < 0 ? placeholder : input, output < 0 ? placeholder : output, error < 0 ? placeholder : error];
        Span<int> kept = [.. sources, hostPidFd, .. others];
        kept.Sort();

        // The table of descriptors is shared with the host until here (CLONE_FILES); only what is below the first
        // number closed is copied: close_range(2), CLOSE_RANGE_UNSHARE, Linux 5.9.
        plan.Add(SystemCall.close_range, kept[^1] + 1, AllAbove, Kernel.CLOSE_RANGE_UNSHARE);
        plan.CloseBetween(0, kept);
        for (int i = 0; i < sources.Length; i++)
        {
            if (sources[i] != i)
            {
                plan.Add(SystemCall.dup3, sources[i], i, 0);
            }
        }

        plan.Add(SystemCall.setsid); // no terminal of the host controls the container
        plan.Add(SystemCall.umask, 0); // modes below are meant as they stand
    }

    public override void Shell(ShellScript script)
    {
    }
}

/// <summary>/dev/null of the container for the streams that are neither pipes nor the host's.</summary>
internal sealed class NullStreams : LaunchOperation
{
    public override string Name => "open /dev/null";

    public override string Why => "A stream that is not wanted still has to be open";

    public override void Compile(PlanCompiler plan)
    {
        (int input, int output, int error) = plan.Request.Streams;
        plan.Add(SystemCall.openat, plan.Dev, StepProgram.Constant("null"), Kernel.O_RDWR | Kernel.O_CLOEXEC).Into(plan.File);
        ReadOnlySpan<int> sources = [input, output, error];
        for (int i = 0; i < sources.Length; i++)
        {
            if (sources[i] < 0)
            {
                plan.Add(SystemCall.dup3, plan.File, i, 0);
            }
        }
    }

    public override void Shell(ShellScript script)
    {
    }
}
