using Containers.Native;

namespace Containers.Launch;

/// <summary>Goes to the container's cgroups, and has the namespace begin there.</summary>
/// <remarks>
/// In cgroup v2 the child is born there. In v1 it goes itself, and not at its host's hand: who moves another process waits for a grace
/// period of RCU (a millisecond and more), who moves itself does not (Linux 5.6).
/// </remarks>
internal sealed unsafe class EnterCgroups(LaunchRequest request) : LaunchOperation
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

        TakeProcessors(plan, request);
        if (_private)
        {
            plan.Add(SystemCall.unshare, Kernel.CLONE_NEWCGROUP);
        }
    }

    /// <summary>
    /// A child that is born in a cgroup with a cpuset keeps the processors of its parent before Linux 6.4 (kernel/cgroup/cpuset.c, cpuset_fork(); some
    /// stable ones have it right). To ask for all gives those of the cpuset, as moving there would.
    /// </summary>
    public static void TakeProcessors(PlanCompiler plan, LaunchRequest request)
    {
        if (request.Cgroup >= 0 && request.Spec.Limits.CpusetCpus is not null)
        {
            Span<byte> all = stackalloc byte[1024]; // 8192 processors are the most that kernels are built for
            all.Fill(0xff);
            plan.Add(SystemCall.sched_setaffinity, 0, all.Length, plan.Program.Bytes(all));
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

/// <summary>The container's cgroup in /sys/fs/cgroup: runtimes read there how much memory and how many processors they have.</summary>
/// <remarks>
/// The mount is read-only and not the file system, which all mounts of cgroup v2 share. In a cgroup namespace of its own the options
/// of that one are not touched either: kernel/cgroup/cgroup.c, apply_cgroup_root_flags().
/// </remarks>
internal sealed unsafe class MountCgroup : LaunchOperation
{
    public override string Name => "mount cgroup2 on \"/sys/fs/cgroup\"";

    public override string Why => "Programs read their limits there; read-only, since they are not theirs to change";

    public override void Compile(PlanCompiler plan)
    {
        plan.NewFileSystem("cgroup2", "", Kernel.MOUNT_ATTR_RDONLY | Kernel.MOUNT_ATTR_NOSUID | Kernel.MOUNT_ATTR_NODEV | Kernel.MOUNT_ATTR_NOEXEC, plan.Mount);
        plan.Attach(plan.Mount, plan.Sys, "fs/cgroup");
    }

    public override void Shell(ShellScript script)
    {
        script.Inside("mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 \"$root\"/sys/fs/cgroup");
        script.Inside("mount -o remount,bind,ro,nosuid,nodev,noexec \"$root\"/sys/fs/cgroup");
    }
}
