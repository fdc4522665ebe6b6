namespace Containers;

// What keeps a process in: filters of system calls and rules of access.
public sealed partial class ContainerBuilder
{
    /// <summary>Filters system calls by a profile, instead of <see cref="SeccompProfile.Default"/>.</summary>
    /// <param name="profile">The profile.</param>
    public ContainerBuilder WithSeccomp(SeccompProfile profile) => WithSpec(Spec with { Seccomp = Given(profile) });

    /// <summary>Filters no system calls: all that the kernel lets the container's user do, it can.</summary>
    public ContainerBuilder WithoutSeccomp() => WithSpec(Spec with { Seccomp = null });

    /// <summary>
    /// Executing a file can give privileges: set-user-ID programs and file capabilities work, within the container's capabilities. They do not by default: no_new_privs, prctl(2).
    /// </summary>
    public ContainerBuilder WithNewPrivileges() => WithSpec(Spec with { NoNewPrivileges = false });
}
