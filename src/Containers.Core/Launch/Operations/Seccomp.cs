using System.Runtime.InteropServices;
using Containers.Native;
using Containers.Native.Seccomp;

namespace Containers.Launch;

/// <summary>Filters the system calls of the process and of all that come from it.</summary>
internal sealed unsafe class FilterSystemCalls(LaunchRequest request) : LaunchOperation
{
    public override string Name => "filter system calls";

    public override string Why => "What usual programs never call, an attack on the kernel may";

    public override void Compile(PlanCompiler plan)
    {
        BpfInstruction[] program = request.Spec.Seccomp!.Compile(request.Spec.Capabilities);
        CheckOwn(program, SystemCall.execve, "the command cannot be executed");
        byte* instructions = plan.Program.Bytes(MemoryMarshal.AsBytes<BpfInstruction>(program));
        Kernel.sock_fprog* filter = plan.Program.Data(new Kernel.sock_fprog { len = (ushort)program.Length, filter = instructions });
        plan.Add(SystemCall.seccomp, Kernel.SECCOMP_SET_MODE_FILTER, 0, filter);
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

    // A call that the library itself makes behind the filter.
    private static void CheckOwn(BpfInstruction[] program, SystemCall call, string consequence)
    {
        uint result = BpfMachine.Run(program, new seccomp_data { nr = call.Number, arch = SystemCallTable.Current.AuditArch });
        if ((result & SeccompReturn.ACTION) is SeccompReturn.ERRNO or SeccompReturn.KILL_PROCESS or SeccompReturn.KILL_THREAD or SeccompReturn.TRAP)
        {
            throw new ContainerException($"The seccomp profile does not allow {call.Name}: {consequence}.", $"Allow(\"{call.Name}\") is needed in every profile.");
        }
    }
}
