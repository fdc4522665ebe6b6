using Containers.Native;

namespace Containers.Launch;

/// <summary>Two plans: for a child of this process, that becomes the joiner; and for the joiner, in memory that only it and this process have.</summary>
internal sealed class JoinPlan : IDisposable
{
    private readonly PathHandle? _again;

    private JoinPlan(LaunchPlan outside, LaunchPlan inside, PathHandle? again) => (Outside, Inside, _again) = (outside, inside, again);

    public LaunchPlan Outside { get; }

    public LaunchPlan Inside { get; }

    /// <param name="request">What is to be executed.</param>
    /// <param name="target">Where.</param>
    /// <param name="memory">For the joiner's plan.</param>
    /// <param name="hostPidFd">A pidfd of this process.</param>
    /// <param name="features">What the kernel has.</param>
    public static JoinPlan Compile(LaunchRequest request, JoinTarget target, SharedMemory memory, int hostPidFd, KernelFeatures features)
    {
        int[] kept = [hostPidFd, target.Process, .. request.LegacyCgroups, .. (ReadOnlySpan<int>)(request.Cgroup >= 0 ? [request.Cgroup] : []), .. (ReadOnlySpan<int>)(target.Root >= 0 ? [target.Root] : []), .. (ReadOnlySpan<int>)(request.TerminalSocket >= 0 ? [request.TerminalSocket] : []), .. (ReadOnlySpan<int>)(target.Proc >= 0 ? [target.Proc] : [])];
        StepProgram shared = new(memory);
        LaunchPlan? inside = null;
        PathHandle? again = null;
        try
        {
            if (request.OwnsJoiner)
            {
                again = memory.Duplicate();
                kept = [.. kept, again.Descriptor, MemoryExecutable.Open(BecomeExecutable.Joiner)];
            }

            inside = LaunchPlan.Compile(request, Planner.Join(request, target, hostPidFd, again?.Descriptor ?? -1), shared, features, Kernel.CLONE_FILES);
            shared.Complete();
            int executable = MemoryExecutable.Open(BecomeExecutable.Joiner);
            LaunchPlan outside = LaunchPlan.Compile(request,
                [new DieWithHost(hostPidFd), new TakeStreams(hostPidFd, [.. kept, shared.MemoryDescriptor, executable]), new BecomeExecutable(BecomeExecutable.Joiner, shared.MemoryDescriptor, kept)],
                new StepProgram(), features, Kernel.CLONE_FILES);
            return new JoinPlan(outside, inside, again);
        }
        catch
        {
            again?.Dispose();
            shared.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Outside.Dispose();
        Inside.Dispose();
        _again?.Dispose();
    }
}
