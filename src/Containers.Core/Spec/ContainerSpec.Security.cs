namespace Containers;

// What keeps a process in: filters of system calls and rules of access.
public sealed partial record ContainerSpec
{
    /// <summary>The filter of system calls; null for none. <see cref="SeccompProfile.Default"/> by default.</summary>
    public SeccompProfile? Seccomp { get; init; } = SeccompProfile.Default;
}
