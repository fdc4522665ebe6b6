using System.Globalization;
using Containers.Native;

namespace Containers.Launch;

/// <summary>What a process that joins a container has to reach while it does: descriptors of the host.</summary>
/// <param name="Process">A pidfd of the container's first process.</param>
/// <param name="Root">Its root directory, where it shares the host's mounts; -1 where the mount namespace leads there.</param>
/// <param name="Namespaces">CLONE_NEW… of those it has for itself.</param>
/// <param name="Proc">The host's /proc, where a label is to be written; -1 where there is none.</param>
internal sealed record JoinTarget(int Process, int Root, ulong Namespaces, int Proc = -1);

/// <summary>Enters the cgroups and namespaces of a container.</summary>
/// <param name="request">What is to be executed.</param>
/// <param name="target">Where.</param>
/// <param name="again">A second descriptor of the program's memory, where the joiner executes itself again: see <see cref="LaunchRequest.OwnsJoiner"/>.</param>
internal sealed class EnterNamespaces(LaunchRequest request, JoinTarget target, int again) : LaunchOperation
{
    public override string Name => "enter the namespaces";

    public override string Why => "The process is to see what the container's first one sees: setns(2) with a pidfd, Linux 5.8";

    public override void Compile(PlanCompiler plan)
    {
        // Nobody asks what a step of a join took, and to read the clock is half of the cost of most of them.
        plan.Add(SystemCall.prctl, Kernel.PR_SET_NAME, StepProgram.Constant(BecomeExecutable.Joiner)).EndClock();
        plan.Add(SystemCall.prctl, Kernel.PR_SET_DUMPABLE, 0); // nobody inside may look into what has not dropped its privileges yet
        ulong entered = 0;
        if (request.OwnsJoiner)
        {
            entered = Kernel.CLONE_NEWUSER;
            plan.Add(SystemCall.setns, target.Process, entered);
            BecomeExecutable.Again(plan, again);
            plan.Add(SystemCall.prctl, Kernel.PR_SET_NAME, StepProgram.Constant(BecomeExecutable.Joiner));
            plan.Add(SystemCall.prctl, Kernel.PR_SET_DUMPABLE, 0);
        }

        foreach (int directory in request.LegacyCgroups)
        {
            Slot tasks = plan.Program.NewSlot();
            plan.Add(SystemCall.openat, directory, StepProgram.Constant("tasks"), Kernel.O_WRONLY | Kernel.O_CLOEXEC, 0).Into(tasks);
            plan.Tasks.Add(tasks);
        }

        if ((target.Namespaces & ~entered & ~SpawnInside.EnteredLater(request)) is var namespaces and not 0)
        {
            plan.Add(SystemCall.setns, target.Process, namespaces);
        }
    }

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.ESRCH => "The container has ended.",
        Errno.EPERM => "This process has not the privileges that it started the container with.",
        _ => null,
    };
}

/// <summary>Makes the process that is seen inside: one does not enter a PID namespace oneself, only one's children do (setns(2)).</summary>
internal sealed class SpawnInside(LaunchRequest request, JoinTarget target) : LaunchOperation
{
    public override string Name => "make the process inside";

    public override string Why => "It is a child of the host, in the container's PID namespace and cgroup";

    /// <summary>
    /// Where cgroup v2 is mounted with nsdelegate, as systemd does, no process goes to a cgroup from outside of its cgroup namespace: cgroups(7).
    /// So the child is born in the cgroup first.
    /// </summary>
    public static ulong EnteredLater(LaunchRequest request) => request.Cgroup >= 0 ? Kernel.CLONE_NEWCGROUP : 0;

    public override void Compile(PlanCompiler plan)
    {
        plan.Add(SystemCall.clone3, Kernel.CLONE_PARENT, request.Cgroup).Spawn();
        foreach (Slot tasks in plan.Tasks)
        {
            plan.Add(SystemCall.write, tasks, StepProgram.Constant("0"), 1); // this process and not the joiner, which lives a moment longer and is not the container's
        }

        EnterCgroups.TakeProcessors(plan, request);
        if ((target.Namespaces & EnteredLater(request)) is var namespaces and not 0)
        {
            plan.Add(SystemCall.setns, target.Process, namespaces);
        }
    }

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.ENOMEM => "The container's first process has ended, and with it its PID namespace.",
        Errno.EAGAIN => "A limit on processes is reached: RLIMIT_NPROC, or the container's pids limit.",
        Errno.ENODEV or Errno.EBUSY => "The container's cgroup has been removed.",
        _ => null,
    };
}

/// <summary>Lets go of what the process had of the host to come here.</summary>
internal sealed class LeaveHost(LaunchRequest request, JoinTarget target, int hostPidFd) : LaunchOperation
{
    public override string Name => "let go of the host";

    public override string Why => "The process has nothing of the host any more but what tells it of its end";

    public override void Compile(PlanCompiler plan)
    {
        // No descriptor of the host may be there when the working directory is entered: /proc/self/fd/N is a path, too.
        if (target.Root >= 0)
        {
            plan.Add(SystemCall.fchdir, target.Root);
            plan.Add(SystemCall.chroot, StepProgram.Constant("."));
        }

        int[] kept = request.TerminalSocket < 0 ? [hostPidFd] : [Math.Min(hostPidFd, request.TerminalSocket), Math.Max(hostPidFd, request.TerminalSocket)];
        plan.CloseBetween(3, kept);
        plan.Add(SystemCall.close_range, kept[^1] + 1, uint.MaxValue, 0);
        foreach (int descriptor in kept)
        {
            BecomeExecutable.CloseAtNext(plan, descriptor);
        }

        plan.Add(SystemCall.setsid);
    }

    public override void Shell(ShellScript script)
    {
    }
}
