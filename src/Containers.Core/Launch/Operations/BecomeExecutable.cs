using System.Globalization;
using Containers.Native;

namespace Containers.Launch;

/// <summary>Becomes a small executable of ours, that goes on with a program of its own: from here on, nothing of the host's memory is there to be read.</summary>
/// <param name="name">Which.</param>
/// <param name="memory">A descriptor of the program's memory.</param>
/// <param name="kept">Other descriptors that the program needs.</param>
/// <remarks>
/// A process that shares the host's memory, as the first one of a container does until it executes, must never be seen by others inside. Only that it
/// is not dumpable would keep a hostile container from reading that memory, and not even that where it has CAP_SYS_PTRACE.
/// </remarks>
internal sealed unsafe class BecomeExecutable(string name, int memory, IReadOnlyList<int> kept) : LaunchOperation
{
    public const string Joiner = "containers-join", Init = "containers-init";

    public override string Name => $"become {name}";

    public override string Why => "Where there are other processes inside, none of them may find the host's memory";

    public override void Compile(PlanCompiler plan)
    {
        foreach (int descriptor in kept.Append(memory))
        {
            plan.Add(SystemCall.fcntl, descriptor, Kernel.F_SETFD, 0);
        }

        byte** arguments = plan.Program.Texts([name, memory.ToString(CultureInfo.InvariantCulture)]);
        plan.Add(SystemCall.execveat, MemoryExecutable.Open(name), StepProgram.Constant(""), arguments, plan.Program.Texts([]), Kernel.AT_EMPTY_PATH);
    }

    /// <summary>The same once more, by the executable itself: it goes on with the step behind this one.</summary>
    /// <param name="plan">Its program, in memory that is shared.</param>
    /// <param name="memory">A descriptor of that memory, beside the one that was closed when it was mapped.</param>
    public static void Again(PlanCompiler plan, int memory)
    {
        plan.Add(SystemCall.pwrite64, memory, plan.Program.Data((ulong)plan.Program.Count + 2), sizeof(ulong), StepProgram.ResumeAt);
        plan.Add(SystemCall.execveat, MemoryExecutable.Open(Joiner), StepProgram.Constant(""), plan.Program.Texts([Joiner, memory.ToString(CultureInfo.InvariantCulture)]), plan.Program.Texts([]), Kernel.AT_EMPTY_PATH);
    }

    /// <summary>
    /// What was kept goes with the next executable, the command. Before Linux 5.11 there is no other step that sees to it: a descriptor of the
    /// host process would be the container's.
    /// </summary>
    public static void CloseAtNext(PlanCompiler plan, int descriptor) => plan.Add(SystemCall.fcntl, descriptor, Kernel.F_SETFD, Kernel.FD_CLOEXEC);

    public override void Shell(ShellScript script)
    {
    }
}
