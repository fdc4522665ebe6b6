using System.Runtime.InteropServices;
using Containers.Native;
using Containers.Native.Seccomp;

namespace Containers.Launch;

/// <summary>Filters the system calls of the process and of all that come from it.</summary>
internal sealed unsafe class FilterSystemCalls(ContainerSpec spec) : LaunchOperation
{
    private readonly BpfInstruction[] _filter = spec.FilteredBy!.Compile(spec.Capabilities);

    public override string Name => "filter system calls";

    public override string Why => spec.SystemCallWatch switch
    {
        SystemCallWatch.Report => "What usual programs never call, an attack on the kernel may; what is refused is told",
        SystemCallWatch.Learn => "What the command calls is written down, to allow that and no more",
        _ => "What usual programs never call, an attack on the kernel may",
    };

    /// <summary>Whether the child can wait for its host behind the filter: there the host takes the listener. A profile alone need not allow the waiting.</summary>
    public bool AllowsGate => IsWatched || AllowsFutex;

    private bool IsWatched => spec.SystemCallWatch != SystemCallWatch.None;

    private bool Learns => spec.SystemCallWatch == SystemCallWatch.Learn;

    private bool AllowsFutex => new OwnCalls(_filter, 0).Allows(SystemCall.futex);

    public override void Compile(PlanCompiler plan)
    {
        BpfInstruction[] deciding = _filter, installed = _filter;
        if (IsWatched)
        {
            installed = WatchedFilter.Asking(_filter, aboutAll: Learns);
            if (Learns || !AllowsFutex)
            {
                deciding = WatchedFilter.ExceptFutexIn(deciding, SystemCallTable.Current.AuditArch, plan.Program.FutexPage);
                installed = WatchedFilter.ExceptFutexIn(installed, SystemCallTable.Current.AuditArch, plan.Program.FutexPage);
            }
        }

        byte* instructions = plan.Program.Bytes(MemoryMarshal.AsBytes<BpfInstruction>(installed));
        Kernel.sock_fprog* filter = plan.Program.Data(new Kernel.sock_fprog { len = (ushort)installed.Length, filter = instructions });
        StepProgram.StepReference step = plan.Add(SystemCall.seccomp, Kernel.SECCOMP_SET_MODE_FILTER, IsWatched ? SeccompListener.Flags : 0, filter);
        plan.Filter = new OwnCalls(deciding, plan.Program.Count);
        if (Learns || !plan.Filter.Allows(SystemCall.clock_gettime)) // nobody would answer yet
        {
            step.EndClock();
        }
    }

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.EINVAL => "The kernel has no seccomp filters (CONFIG_SECCOMP_FILTER), or the profile is too long for it.",
        Errno.EACCES => "Without no_new_privs only CAP_SYS_ADMIN may set a filter.",
        Errno.EBUSY => "A filter of the host process's own has a listener already, and there can be one only (systemd-nspawn, another container engine): the system call report needs it.",
        _ => null,
    };
}
