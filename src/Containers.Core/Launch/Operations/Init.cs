using Containers.Native;

namespace Containers.Launch;

/// <summary>What the container's first process is, where it is not the command itself.</summary>
internal sealed class PrepareInit(LaunchRequest request, int hostPidFd) : LaunchOperation
{
    public override string Name => "be the init";

    public override string Why => "Process 1 takes the status of those that lose their parent, and passes signals on";

    public override void Compile(PlanCompiler plan)
    {
        plan.Add(SystemCall.prctl, Kernel.PR_SET_NAME, StepProgram.Constant(BecomeExecutable.Init));
        plan.Add(SystemCall.prctl, Kernel.PR_SET_DUMPABLE, 0); // what it tells the host of the command's end is not for others to write
        BecomeExecutable.CloseAtNext(plan, hostPidFd);
        if (!request.Spec.Private(ContainerNamespaces.Pid))
        {
            plan.Add(SystemCall.prctl, Kernel.PR_SET_CHILD_SUBREAPER, 1); // it is not process 1 then
        }
    }

    public override void Shell(ShellScript script)
    {
        script.Because("The runtime's init starts the command, takes the status of orphans and passes signals on. Here the command is process 1 itself.");
        script.Inside("# (docker-init, or tini, would be put before the command)");
    }
}

/// <summary>Makes the process of the command, a child of the init: native/init.c.</summary>
internal sealed class SpawnCommand(LaunchRequest request) : LaunchOperation
{
    // What the init does after it, and has to be allowed by a filter.
    private static readonly SystemCall[] s_needs =
        [SystemCall.close_range, SystemCall.rt_sigprocmask, SystemCall.futex, SystemCall.wait4, SystemCall.rt_sigtimedwait, SystemCall.kill, SystemCall.exit_group];

    public override string Name => "make the command's process";

    public override string Why => "It is a child of the init, and the first of a session of its own";

    public override void Compile(PlanCompiler plan)
    {
        plan.Filter?.Need(s_needs, "the init needs it");
        plan.Add(SystemCall.clone, Kernel.CLONE_VM | Kernel.CLONE_VFORK | Kernel.SIGCHLD, -1).Spawn();
        plan.Add(SystemCall.setsid);
        if (!request.Spec.Private(ContainerNamespaces.Pid))
        {
            plan.Add(SystemCall.prctl, Kernel.PR_SET_PDEATHSIG, Kernel.SIGKILL); // no kernel does it for the death of process 1
        }

        if (request.Terminal is not null)
        {
            OpenTerminal.Control(plan);
        }
    }

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno == Errno.EAGAIN ? "A limit on processes is reached: RLIMIT_NPROC, or the container's pids limit. The init is one, too." : null;
}
