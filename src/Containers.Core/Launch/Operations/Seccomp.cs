using System.Runtime.InteropServices;
using Containers.Native;
using Containers.Native.Seccomp;

namespace Containers.Launch;

/// <summary>Filters the system calls of the process and of all that come from it.</summary>
internal sealed unsafe class FilterSystemCalls(LaunchRequest request) : LaunchOperation
{
    private readonly BpfInstruction[] _program = request.Spec.Seccomp!.Compile(request.Spec.Capabilities);

    public override string Name => "filter system calls";

    public override string Why => "What usual programs never call, an attack on the kernel may";

    /// <summary>Whether the child can wait for its host behind the filter. A profile need not allow the waiting.</summary>
    public bool AllowsGate => new OwnCalls(_program, 0).Allows(SystemCall.futex);

    public override void Compile(PlanCompiler plan)
    {
        BpfInstruction[] program = _program;
        byte* instructions = plan.Program.Bytes(MemoryMarshal.AsBytes<BpfInstruction>(program));
        Kernel.sock_fprog* filter = plan.Program.Data(new Kernel.sock_fprog { len = (ushort)program.Length, filter = instructions });
        StepProgram.StepReference step = plan.Add(SystemCall.seccomp, Kernel.SECCOMP_SET_MODE_FILTER, 0, filter);
        plan.Filter = new OwnCalls(program, plan.Program.Count);
        if (!plan.Filter.Allows(SystemCall.clock_gettime))
        {
            step.EndClock();
        }
    }

    public override void Shell(ShellScript script)
    {
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.EINVAL => "The kernel has no seccomp filters (CONFIG_SECCOMP_FILTER).",
        Errno.EACCES => "Without no_new_privs only CAP_SYS_ADMIN may set a filter.",
        _ => null,
    };
}
