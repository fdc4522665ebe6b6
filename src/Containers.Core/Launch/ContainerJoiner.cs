using Containers.Native;

namespace Containers.Launch;

/// <summary>Starts a further process in a running container.</summary>
internal static class ContainerJoiner
{
    /// <summary>For tests: sees the plans before they are launched.</summary>
    internal static AsyncLocal<Action<JoinPlan>?> Intercept { get; } = new();

    /// <returns>The process, which has executed its command.</returns>
    /// <exception cref="LaunchException">A step failed.</exception>
    public static (PidHandle Handle, int Pid, JoinerEnd Joiner) Join(LaunchRequest request, JoinTarget target, LaunchParts parts, CancellationToken cancellation)
    {
        parts.PrepareExec(request);
        using JoinPlan plan = JoinPlan.Compile(request, target, ContainerLauncher.HostPidFd, ContainerLauncher.Features.Value ?? KernelFeatures.Current);
        Intercept.Value?.Invoke(plan);
        cancellation.ThrowIfCancellationRequested();
        LaunchedChild outside = Launcher.Launch(plan.Outside.Program, plan.Outside.CloneFlags, request.Id);
        PidHandle joiner = outside.Handle;
        if (!outside.WaitForExec())
        {
            LaunchException failure = plan.Outside.Failure();
            ContainerLauncher.End(joiner);
            throw failure;
        }

        // The joiner tells when its child has executed; a joiner that is killed can tell nothing any more.
        (PidHandle Handle, int Pid) process;
        using (new EndWatch(joiner, plan.Inside.Program.Abandon))
        {
            process = Follow(request, plan.Inside, parts, joiner, cancellation);
        }

        return (process.Handle, process.Pid, new JoinerEnd(joiner));
    }

    // Where it fails, the joiner is gone.
    private static (PidHandle Handle, int Pid) Follow(LaunchRequest request, LaunchPlan plan, LaunchParts parts, PidHandle joiner, CancellationToken cancellation)
    {
        StepProgram program = plan.Program;
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
            if (program.Pid > 0)
            {
                ContainerLauncher.End(child?.Handle ?? OpenChild(program.Pid), kill: true);
            }

            throw;
        }

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

        throw program.Failed >= 0 ? plan.Failure() : new ContainerException($"The process that was to join the container \"{request.Id}\" ended before it could ({(signaled ? "signal" : "status")} {code}).");
    }

    // A child of ours, whose number is its own until we take its status.
    private static PidHandle OpenChild(int pid) => new((int)Kernel.Check(Kernel.pidfd_open(pid), "pidfd_open"));
}
