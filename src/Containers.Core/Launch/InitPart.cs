using Containers.Native;

namespace Containers.Launch;

/// <summary>The program of the container's init, in memory that it shares with this process: there it leaves how the command ended.</summary>
internal sealed class InitPart : LaunchPart
{
    private SharedMemory? _memory;
    private StepProgram? _program;

    public override void Prepare(LaunchRequest request)
    {
        _memory = StepProgram.CreateMemory();
        request.Init = _program = new StepProgram(_memory);
    }

    public override void Foresee(LaunchRequest request) => Prepare(request);

    /// <summary>The init returns what the command returned. That a signal ended the command is not to be seen in that: process 1 cannot end by one itself.</summary>
    public override ContainerExit Explain(ContainerExit exit)
        => exit.Reason == ExitReason.Exited && _program?.CommandStatus is { } status && (status & 0x7f) is var signal and not 0
            ? exit with { ExitCode = 128 + signal, Signal = signal, Reason = ExitReason.Signaled }
            : exit;

    public override void Dispose()
    {
        _program?.Dispose();
        _memory?.Dispose();
        base.Dispose();
    }
}
