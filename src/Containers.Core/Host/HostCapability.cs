namespace Containers;

/// <summary>What a host has of one feature.</summary>
/// <param name="Feature">The feature.</param>
/// <param name="IsAvailable">Whether it is there for this process.</param>
/// <param name="Detail">What there is of it: a version, a list, a path; or why there is none. Empty where there is nothing to add.</param>
/// <param name="Remedy">What would give it; null when it is there.</param>
public sealed record HostCapability(HostFeature Feature, bool IsAvailable, string Detail, string? Remedy)
{
    /// <summary>"Landlock: yes, ABI 7", "OverlayInUserNamespace: no, EPERM (Operation not permitted). Linux 5.11 …".</summary>
    public override string ToString()
        => $"{Feature}: {(IsAvailable ? "yes" : "no")}{(Detail.Length > 0 ? ", " + Detail : "")}{(Remedy is null ? "" : ". " + Remedy)}";
}
