using System.Collections.Immutable;

namespace Containers.Security.Seccomp;

/// <summary>What becomes of some calls under some conditions.</summary>
/// <param name="Names">The calls; one that the architecture does not have is passed over.</param>
/// <param name="Action">What becomes of them.</param>
/// <param name="Conditions">All of them have to hold.</param>
internal sealed record SeccompRule(ImmutableArray<string> Names, SeccompAction Action, ImmutableArray<SeccompCondition> Conditions)
{
    /// <summary>The rule is there only when the container has all of these.</summary>
    public ImmutableArray<Capability> With { get; init; } = [];

    /// <summary>The rule is there only when the container has none of these.</summary>
    public ImmutableArray<Capability> Without { get; init; } = [];

    public bool Holds(ImmutableHashSet<Capability> capabilities) => With.All(capabilities.Contains) && !Without.Any(capabilities.Contains);
}
