using Containers.Native;

namespace Containers.Benchmarks.HotPath;

/// <summary>Runs a program of steps from clone to the child's end. It can be run again: each run overwrites its results.</summary>
internal static class StepPrograms
{
    public static int Run(StepProgram program, ulong flags)
    {
        LaunchedChild child = Launcher.Launch(program, flags);
        using PidHandle handle = child.Handle;
        bool executed = child.WaitForExec();
        handle.WaitForExit();
        handle.TryReap(out int code, out _);
        if (!executed || code != 0)
        {
            string failed = program.Failed < 0 ? "the command" : $"{SystemCall.NameOf(program[program.Failed].Call)}, errno {-program[program.Failed].Result},";
            throw new InvalidOperationException($"The child did not do what is being measured: {failed} ended with {code}.");
        }

        return code;
    }
}
