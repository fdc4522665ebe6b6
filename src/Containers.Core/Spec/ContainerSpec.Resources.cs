using System.Collections.Immutable;

namespace Containers;

// What it may use, and where that is counted.
public sealed partial record ContainerSpec
{
    /// <summary>What the container's processes may use together.</summary>
    public ResourceLimits Limits { get; init; } = ResourceLimits.None;

    /// <summary>Whether the container has a cgroup with all that is counted, limits or not.</summary>
    public bool Cgroup { get; init; }

    /// <summary>The name of its cgroup; null for one made of the host process and the id.</summary>
    public string? CgroupName { get; init; }

    /// <summary>The cgroup that it is made in, as a path from the top of the tree; null for a place that is found.</summary>
    public string? CgroupParent { get; init; }

    /// <summary>Devices that it may use beside the usual ones, in effect when the container has a cgroup: <see cref="DeviceRule"/>.</summary>
    internal ImmutableArray<DeviceRule> DeviceRules { get; init; } = [];
}
