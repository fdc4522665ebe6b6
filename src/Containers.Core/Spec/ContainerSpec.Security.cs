using Containers.Security.Seccomp;

namespace Containers;

// What keeps a process in: filters of system calls and rules of access.
public sealed partial record ContainerSpec
{
    /// <summary>The filter of system calls; null for none. <see cref="SeccompProfile.Default"/> by default.</summary>
    public SeccompProfile? Seccomp { get; init; } = SeccompProfile.Default;

    /// <summary>Whether system calls are told about.</summary>
    public SystemCallWatch SystemCallWatch { get; init; }

    /// <summary>What can be reached by Landlock; null for what all else allows.</summary>
    public LandlockRules? Landlock { get; init; }

    /// <summary>The filter that there is: what is learned without one needs one that allows all, and a disk that a quota limits one that keeps files in it.</summary>
    internal SeccompProfile? FilteredBy => Profile is { } profile && DiskLimit is { Kind: not DiskLimitKind.Memory } ? ProjectRules.AddTo(profile) : Profile;

    private SeccompProfile? Profile => Seccomp ?? (SystemCallWatch == SystemCallWatch.Learn ? SeccompProfile.Unconfined : null);
}

/// <summary>Which system calls of a container are told about.</summary>
public enum SystemCallWatch
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those that the profile refuses: <see cref="ContainerBuilder.WithSystemCallReport"/>.</summary>
    Report,

    /// <summary>All: <see cref="ContainerBuilder.WithSystemCallLearning"/>.</summary>
    Learn,
}
