namespace Containers;

/// <summary>Why a container's command ended: who or what ended it, and not what was tried meanwhile.</summary>
/// <remarks>
/// The kernel's status decides. A command that returns in the moment in which a limit is reached has <see cref="Exited"/>; one that
/// handles the signal of <see cref="Container.StopAsync"/> and returns 5 has <see cref="Exited"/> with 5, since it was asked and did it itself;
/// one that something else kills while a limit is pending is <see cref="Signaled"/>.
/// </remarks>
public enum ExitReason
{
    /// <summary>It returned by itself, with whatever code.</summary>
    Exited,

    /// <summary>A signal ended it that this library did not send: its own fault, its own processes, someone else on the host.</summary>
    Signaled,

    /// <summary>The kernel killed it because the container's memory limit was reached; or it returned 137 after that, as shells do whose command was killed.</summary>
    OutOfMemory,

    /// <summary>It was killed when its time was over: <see cref="ContainerBuilder.WithTimeout"/>.</summary>
    WallTime,

    /// <summary>It was killed when the container had used up its CPU time: <see cref="ContainerBuilder.WithCpuTimeLimit"/>.</summary>
    CpuTime,

    /// <summary>It was killed for writing more than it may: <see cref="ContainerBuilder.WithOutputLimit"/>.</summary>
    OutputLimit,

    /// <summary>The caller ended it: <see cref="Container.Kill()"/> with the signal that ended it, <see cref="Container.StopAsync"/>, disposal, or a canceled run.</summary>
    Killed,
}
