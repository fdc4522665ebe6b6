using System.Collections.Immutable;

namespace Containers;

// What it may use, and where that is counted.
public sealed partial record ContainerSpec
{
    /// <summary>Devices that it may use beside the usual ones, in effect when the container has a cgroup: <see cref="DeviceRule"/>.</summary>
    internal ImmutableArray<DeviceRule> DeviceRules { get; init; } = [];
}
