using Containers.Native;

namespace Containers.Launch;

/// <summary>Goes to the container's cgroups, and has the namespace begin there.</summary>
/// <remarks>
/// In cgroup v2 the child is born there. In v1 it goes itself, and not at its host's hand: who moves another process waits for a grace
/// period of RCU (a millisecond and more), who moves itself does not (Linux 5.6).
/// </remarks>
internal sealed class EnterCgroups(LaunchRequest request) : LaunchOperation
{
    private readonly bool _private = request.Spec.Private(ContainerNamespaces.Cgroup);

    public override string Name => "enter the cgroup";

    public override string Why => _private ? "What it uses is counted and limited there, and of all others it sees none" : "What it uses is counted and limited there";

    public override void Compile(PlanCompiler plan)
    {
        foreach (int directory in request.LegacyCgroups)
        {
            plan.Add(SystemCall.openat, directory, StepProgram.Constant("tasks"), Kernel.O_WRONLY | Kernel.O_CLOEXEC, 0).Into(plan.File);
            plan.Add(SystemCall.write, plan.File, StepProgram.Constant("0"), 1);
        }

        if (_private)
        {
            plan.Add(SystemCall.unshare, Kernel.CLONE_NEWCGROUP);
        }
    }

    public override void Shell(ShellScript script)
    {
        foreach (string command in request.CgroupCommands)
        {
            script.Outside(command);
        }
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.ENOSPC => "A cpuset without processors or memory takes no process.",
        Errno.ENODEV or Errno.ENOENT => "The cgroup was removed meanwhile.",
        Errno.ENOMEM => "The limit on memory leaves too little to start a process.",
        _ => null,
    };
}
