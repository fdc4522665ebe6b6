using Containers.Native;

namespace Containers.Launch;

/// <summary>Starts a further process in a running container.</summary>
internal static class ContainerJoiner
{
    /// <summary>For tests: sees the plans before they are launched.</summary>
    internal static AsyncLocal<Action<JoinPlan>?> Intercept { get; } = new();

    /// <returns>The process, which has executed its command.</returns>
    /// <exception cref="LaunchException">A step failed.</exception>
    public static (PidHandle Handle, int Pid) Join(LaunchRequest request, JoinTarget target, LaunchParts parts, CancellationToken cancellation)
    {
        parts.PrepareExec(request);
        using JoinPlan plan = JoinPlan.Compile(request, target, ContainerLauncher.HostPidFd, ContainerLauncher.Features.Value ?? KernelFeatures.Current);
        Intercept.Value?.Invoke(plan);
        cancellation.ThrowIfCancellationRequested();
        LaunchedChild outside = Launcher.Launch(plan.Outside.Program, plan.Outside.CloneFlags, request.Id);
        using PidHandle joiner = outside.Handle;
        if (!outside.WaitForExec())
        {
            LaunchException failure = plan.Outside.Failure();
            ContainerLauncher.Reap(joiner);
            throw failure;
        }

        // The joiner tells when its child has executed; a joiner that is killed can tell nothing any more.
        using EndWatch watch = new(joiner, plan.Inside.Program.Abandon);
        return Follow(request, plan.Inside, parts, joiner, cancellation);
    }

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
            joiner.Signal(Kernel.SIGKILL);
            ContainerLauncher.Reap(joiner);
            if (program.Pid > 0)
            {
                PidHandle process = child?.Handle ?? OpenChild(program.Pid);
                process.Signal(Kernel.SIGKILL);
                using (process)
                {
                    ContainerLauncher.Reap(process);
                }
            }

            throw;
        }

        (int code, bool signaled) = ContainerLauncher.Reap(joiner);
        int pid = program.Pid;
        PidHandle? handle = child?.Handle ?? (pid > 0 ? OpenChild(pid) : null);
        if (program.Failed < 0 && code == 0 && !signaled && handle is not null)
        {
            parts.Executed(pid);
            return (handle, pid);
        }

        if (handle is not null)
        {
            using (handle)
            {
                handle.Signal(Kernel.SIGKILL); // where it was the joiner that did not come to its end
                ContainerLauncher.Reap(handle);
            }
        }

        throw program.Failed >= 0 ? plan.Failure() : new ContainerException($"The process that was to join the container \"{request.Id}\" ended before it could ({(signaled ? "signal" : "status")} {code}).");
    }

    // A child of ours, whose number is its own until we take its status.
    private static PidHandle OpenChild(int pid) => new((int)Kernel.Check(Kernel.pidfd_open(pid), "pidfd_open"));
}
