using Containers.Native;
using Containers.Native.Seccomp;

namespace Containers.Launch;

/// <summary>
/// What a filter of system calls makes of the calls that this library itself makes behind it. One that it refuses, or kills
/// for, is an error before anything starts: before it executes, the child has this process's memory, and until Linux 5.16 a
/// process that dies with a core dump took all with it that share its memory.
/// </summary>
/// <param name="filter">The filter, as the profile has it: not as it is told to ask the host.</param>
/// <param name="from">The first step behind it.</param>
internal sealed class OwnCalls(BpfInstruction[] filter, int from)
{
    /// <summary>Whether the call is made as if there were no filter.</summary>
    public bool Allows(SystemCall call) => Allows(new seccomp_data { nr = call.Number, arch = SystemCallTable.Current.AuditArch });

    /// <summary>Looks at all steps behind the filter, and at the end of a child that executes nothing.</summary>
    /// <exception cref="ContainerException">The profile does not allow one of them.</exception>
    public unsafe void Check(StepProgram program, Func<int, LaunchOperation> operationOf)
    {
        for (int i = from; i < program.Count; i++)
        {
            ref readonly StepProgram.Step step = ref program[i];
            if ((step.Flags & StepProgram.StepFlags.Fails) != 0)
            {
                continue;
            }

            seccomp_data call = new() { nr = step.Call, arch = SystemCallTable.Current.AuditArch };
            for (int argument = 0; argument < 6; argument++)
            {
                call.args[argument] = (step.FromSlot >> argument & 1) != 0 ? 0 : (ulong)step.Args[argument];
            }

            if (!Allows(call))
            {
                throw Refused(SystemCall.NameOf(step.Call), $"\"{operationOf((int)step.Operation).Name}\" needs it");
            }
        }

        if (!Allows(SystemCall.exit_group))
        {
            throw Refused(SystemCall.exit_group.Name, "nothing could end by itself");
        }
    }

    /// <summary>Calls that are made by something other than a step.</summary>
    /// <exception cref="ContainerException">The profile does not allow one of them.</exception>
    public void Need(IEnumerable<SystemCall> calls, string consequence)
    {
        foreach (SystemCall call in calls.Where(call => !Allows(call)))
        {
            throw Refused(call.Name, consequence);
        }
    }

    private static ContainerException Refused(string call, string consequence)
        => new($"The seccomp profile does not allow {call}: {consequence}.", $"Allow(\"{call}\") is needed in every profile, without conditions on what is not known beforehand.");

    private bool Allows(in seccomp_data call) => (BpfMachine.Run(filter, call) & SeccompReturn.ACTION) is SeccompReturn.ALLOW or SeccompReturn.LOG;
}
