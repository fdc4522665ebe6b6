using System.Runtime.InteropServices;
using Containers.Native;

namespace Containers.Launch;

/// <summary>A session keyring of the container's own: keyrings(7).</summary>
internal sealed class NewKeyring : LaunchOperation
{
    public override string Name => "make a session keyring";

    public override string Why => "Keys of the host's session, and of other containers, are not in it";

    // ENOSYS: a kernel without keys (CONFIG_KEYS) has none to hide.
    public override void Compile(PlanCompiler plan) => plan.Add(SystemCall.keyctl, Kernel.KEYCTL_JOIN_SESSION_KEYRING, 0L).Tolerate(Errno.ENOSYS);

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno == Errno.EDQUOT ? "The user has too many keys: see /proc/key-users, and /proc/sys/kernel/keys." : null;
}

/// <summary>Limits of the process: setrlimit(2).</summary>
internal sealed class SetRlimits(IReadOnlyDictionary<RlimitResource, Rlimit> limits) : LaunchOperation
{
    public override string Name => "set limits of the process";

    public override string Why => "Each process of the container is limited so";

    public override unsafe void Compile(PlanCompiler plan)
    {
        foreach ((RlimitResource resource, Rlimit limit) in limits)
        {
            plan.Add(SystemCall.prlimit64, 0, (int)resource, plan.Program.Data(limit), 0L);
        }
    }

    public override void Shell(ShellScript script)
        => script.Chain.Add("prlimit " + string.Join(' ', limits.Select(pair => $"--{OptionOf(pair.Key)}={pair.Value}")));

    public override string? Hint(Errno errno) => errno == Errno.EPERM ? "A hard limit above the host process's own needs CAP_SYS_RESOURCE; RLIMIT_NOFILE has its greatest value in /proc/sys/fs/nr_open." : null;

    private static string OptionOf(RlimitResource resource) => resource switch
    {
        RlimitResource.Cpu => "cpu",
        RlimitResource.FileSize => "fsize",
        RlimitResource.Data => "data",
        RlimitResource.Stack => "stack",
        RlimitResource.Core => "core",
        RlimitResource.Rss => "rss",
        RlimitResource.Processes => "nproc",
        RlimitResource.OpenFiles => "nofile",
        RlimitResource.LockedMemory => "memlock",
        RlimitResource.AddressSpace => "as",
        RlimitResource.FileLocks => "locks",
        RlimitResource.PendingSignals => "sigpending",
        RlimitResource.MessageQueueBytes => "msgqueue",
        RlimitResource.NicePriority => "nice",
        RlimitResource.RealTimePriority => "rtprio",
        _ => "rttime",
    };
}

/// <summary>How the process is given the processor.</summary>
internal sealed class SetScheduling(Scheduling scheduling) : LaunchOperation
{
    public override string Name => "set the scheduling policy";

    public override string Why => "The container was to have another share of the processor than its host";

    public override unsafe void Compile(PlanCompiler plan)
    {
        Kernel.sched_attr* attributes = plan.Program.Data(new Kernel.sched_attr
        {
            size = (uint)sizeof(Kernel.sched_attr), sched_policy = (uint)scheduling.Policy, sched_nice = scheduling.Nice, sched_priority = (uint)scheduling.Priority,
        });
        plan.Add(SystemCall.sched_setattr, 0, attributes, 0);
    }

    public override void Shell(ShellScript script) => script.Chain.Add(scheduling.Policy switch
    {
        SchedulingPolicy.Fifo => $"chrt --fifo {scheduling.Priority}",
        SchedulingPolicy.RoundRobin => $"chrt --rr {scheduling.Priority}",
        SchedulingPolicy.Batch => $"nice -n {scheduling.Nice} chrt --batch 0",
        SchedulingPolicy.Idle => "chrt --idle 0",
        _ => $"nice -n {scheduling.Nice}",
    });

    public override string? Hint(Errno errno) => errno == Errno.EPERM ? "A real-time policy, or a nice value below the host process's, needs CAP_SYS_NICE; a cgroup of v1 also a share of real time (cpu.rt_runtime_us)." : null;
}

/// <summary>How the process is given the disk.</summary>
internal sealed class SetIoPriority(IoPriority priority) : LaunchOperation
{
    private const int IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_SHIFT = 13;

    public override string Name => "set the I/O priority";

    public override string Why => "The container was to have another share of the disk than its host";

    public override void Compile(PlanCompiler plan)
        => plan.Add(SystemCall.ioprio_set, IOPRIO_WHO_PROCESS, 0, ((int)priority.Class << IOPRIO_CLASS_SHIFT) | (priority.Class == IoPriorityClass.Idle ? 0 : priority.Level));

    public override void Shell(ShellScript script) => script.Chain.Add($"ionice -c {(int)priority.Class}{(priority.Class == IoPriorityClass.Idle ? "" : $" -n {priority.Level}")}");

    public override string? Hint(Errno errno) => errno == Errno.EPERM ? "The real-time class needs CAP_SYS_ADMIN or CAP_SYS_NICE." : null;
}

/// <summary>Which processors the process uses.</summary>
internal sealed class SetAffinity(IReadOnlyCollection<int> processors) : LaunchOperation
{
    public override string Name => $"set the affinity to processors {string.Join(',', processors)}";

    public override string Why => "The container was to use some processors only";

    public override unsafe void Compile(PlanCompiler plan)
    {
        Span<byte> mask = stackalloc byte[Size(processors)];
        mask.Clear();
        foreach (int processor in processors)
        {
            mask[processor / 8] |= (byte)(1 << (processor % 8));
        }

        plan.Add(SystemCall.sched_setaffinity, 0, mask.Length, plan.Program.Bytes(mask));
    }

    public override void Shell(ShellScript script) => script.Chain.Add($"taskset -c {string.Join(',', processors)}");

    public override string? Hint(Errno errno) => errno == Errno.EINVAL ? "The host process, or its cpuset, may use none of them." : null;

    private static int Size(IReadOnlyCollection<int> processors) => ((processors.Max() / 64) + 1) * 8;
}

/// <summary>What the kernel is to seem.</summary>
internal sealed class SetPersonality(Personality personality) : LaunchOperation
{
    public override string Name => "set the personality";

    public override string Why => "The command was to find another kernel than there is: personality(2)";

    public override void Compile(PlanCompiler plan) => plan.Add(SystemCall.personality, (long)personality);

    public override void Shell(ShellScript script)
        => script.Chain.Add("setarch" + (personality.HasFlag(Personality.Linux32) ? " linux32" : "") + (personality.HasFlag(Personality.NoRandomize) ? " -R" : ""));
}

/// <summary>The label of a security module that the command gets when it is executed.</summary>
/// <param name="module">Which.</param>
/// <param name="file">Below /proc.</param>
/// <param name="value">What is written to it.</param>
/// <param name="proc">
/// The host's /proc, which a process that joins still has: what a container with CAP_SYS_ADMIN has mounted over its own by then may be a file that takes the label, and gives none. -1 for
/// what is there.
/// </param>
internal sealed class SetLabel(string module, string file, string value, int proc) : LaunchOperation
{
    public override string Name => $"set the {module} label \"{value}\"";

    public override string Why => $"{module} confines the command by it";

    public override unsafe void Compile(PlanCompiler plan)
    {
        plan.Add(SystemCall.openat, proc >= 0 ? proc : Kernel.AT_FDCWD, plan.Text(proc >= 0 ? file : "/proc/" + file), Kernel.O_WRONLY | Kernel.O_CLOEXEC, 0).Into(plan.File);
        plan.Add(SystemCall.write, plan.File, plan.Text(value), System.Text.Encoding.UTF8.GetByteCount(value));
    }

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno is Errno.ENOENT or Errno.EINVAL or Errno.EACCES ? $"{module} has no such profile or label loaded, or does not let this process change to it." : null;
}

/// <summary>Values that the container's namespaces have for themselves.</summary>
internal sealed class SetSysctls(IReadOnlyDictionary<string, string> values) : LaunchOperation
{
    public override string Name => "set sysctls";

    public override string Why => "Settings of the kernel that the container's namespaces have for themselves";

    public override unsafe void Compile(PlanCompiler plan)
    {
        foreach ((string path, string value) in values)
        {
            Kernel.open_how* how = plan.Program.Data(new Kernel.open_how { flags = (uint)(Kernel.O_WRONLY | Kernel.O_CLOEXEC), resolve = Kernel.RESOLVE_IN_ROOT | Kernel.RESOLVE_NO_SYMLINKS });
            plan.Add(SystemCall.openat2, plan.Proc, plan.Text("sys/" + path), how, sizeof(Kernel.open_how)).Into(plan.File);
            plan.Add(SystemCall.write, plan.File, plan.Text(value), System.Text.Encoding.UTF8.GetByteCount(value));
        }
    }

    public override void Shell(ShellScript script)
    {
        foreach ((string path, string value) in values)
        {
            script.Inside($"printf %s {ShellScript.Quote(value)} > \"$root\"/proc/sys/{ShellScript.Quote(path)}");
        }
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.ENOENT => $"This kernel has not all of {string.Join(", ", values.Keys)}.",
        Errno.EINVAL => "The kernel does not take one of the values.",
        _ => null,
    };
}
