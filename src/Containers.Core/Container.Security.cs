using Containers.Security.Seccomp;

namespace Containers;

// What was told of its system calls.
public sealed partial class Container
{
    /// <summary>Set for a container that is watched.</summary>
    internal SystemCallRecord? SystemCalls { get; set; }

    /// <summary>What has been written down of system calls until now. It can be asked at any time, also after the end.</summary>
    /// <exception cref="InvalidOperationException">Neither <see cref="ContainerBuilder.WithSystemCallReport"/> nor <see cref="ContainerBuilder.WithSystemCallLearning"/> was asked for.</exception>
    public SystemCallReport GetSystemCallReport()
        => SystemCalls?.Report() ?? throw new InvalidOperationException($"System calls of the container \"{Id}\" are not told: {nameof(ContainerBuilder.WithSystemCallReport)}() or {nameof(ContainerBuilder.WithSystemCallLearning)}() does that.");
}
