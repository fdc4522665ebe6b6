using Containers.Native;

namespace Containers.Launch;

/// <summary>Starts a further process in a running container.</summary>
internal static class ContainerJoiner
{
    /// <summary>For tests: sees the plans before they are launched.</summary>
    internal static AsyncLocal<Action<JoinPlan>?> Intercept { get; } = new();

    /// <returns>The process, which has executed its command.</returns>
    /// <exception cref="LaunchException">A step failed.</exception>
    public static (PidHandle Handle, int Pid, JoinerEnd Joiner) Join(LaunchRequest request, JoinTarget target, JoinMemory memories, LaunchParts parts, CancellationToken cancellation)
    {
        parts.PrepareExec(request);
        SharedMemory memory = memories.Take();
        try
        {
            (PidHandle handle, int pid, PidHandle joiner) = Join(request, target, memory, parts, cancellation);
            return (handle, pid, new JoinerEnd(joiner, () => memories.Return(memory)));
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    private static (PidHandle Handle, int Pid, PidHandle Joiner) Join(LaunchRequest request, JoinTarget target, SharedMemory memory, LaunchParts parts, CancellationToken cancellation)
    {
        using JoinPlan plan = JoinPlan.Compile(request, target, memory, ContainerLauncher.HostPidFd, ContainerLauncher.Features.Value ?? KernelFeatures.Current);
        Intercept.Value?.Invoke(plan);
        cancellation.ThrowIfCancellationRequested();
        LaunchedChild outside = Launcher.Launch(plan.Outside.Program, plan.Outside.CloneFlags, request.Id);
        PidHandle joiner = outside.Handle;
        // The joiner tells when its child has executed; a joiner that is killed can tell nothing any more.
        using EndWatch watch = new(joiner, plan.Inside.Program.Abandon);
        (PidHandle handle, int pid) = Follow(request, plan, outside, parts, cancellation);
        return (handle, pid, joiner);
    }

    // Where it fails, the joiner is gone. That it has become an executable of its own is not waited for: to be woken once is enough.
    private static (PidHandle Handle, int Pid) Follow(LaunchRequest request, JoinPlan plan, LaunchedChild outside, LaunchParts parts, CancellationToken cancellation)
    {
        StepProgram program = plan.Inside.Program;
        PidHandle joiner = outside.Handle;
        LaunchedChild? child = null;
        try
        {
            if (request.WaitsWhenBorn || request.WaitsWhenReady)
            {
                LaunchedChild shared = new(program, 0, joiner);
                if (shared.WaitForAnnouncement(1)) // by then it has a number
                {
                    child = new LaunchedChild(program, program.Pid, OpenChild(program.Pid));
                    parts.PassGates(request, child, announcedAtBirth: true);
                }
            }

            cancellation.ThrowIfCancellationRequested();
            new LaunchedChild(program, 0, joiner).WaitForExec();
        }
        catch
        {
            ContainerLauncher.End(joiner, kill: true);
            outside.WaitForExec();
            if (program.Pid > 0)
            {
                ContainerLauncher.End(child?.Handle ?? OpenChild(program.Pid), kill: true);
            }

            throw;
        }

        bool became = outside.WaitForExec();
        int pid = program.Pid;
        PidHandle? handle = child?.Handle ?? (pid > 0 ? OpenChild(pid) : null);
        if (program.Failed < 0 && program.HasSpawned && handle is not null)
        {
            parts.Executed(pid);
            return (handle, pid);
        }

        (int code, bool signaled) = ContainerLauncher.End(joiner);
        if (handle is not null)
        {
            ContainerLauncher.End(handle, kill: true); // where it was the joiner that did not come to its end
        }

        throw !became ? plan.Outside.Failure() : program.Failed >= 0 ? plan.Inside.Failure() : new ContainerException($"The process that was to join the container \"{request.Id}\" ended before it could ({(signaled ? "signal" : "status")} {code}).");
    }

    // A child of ours, whose number is its own until we take its status.
    private static PidHandle OpenChild(int pid) => new((int)Kernel.Check(Kernel.pidfd_open(pid), "pidfd_open"));
}
