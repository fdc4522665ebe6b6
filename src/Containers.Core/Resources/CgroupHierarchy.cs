using System.Collections.Immutable;

namespace Containers.Resources;

/// <summary>A tree of cgroups that is mounted: one of cgroup v1 with the controllers it was mounted with, or that of cgroup v2.</summary>
/// <param name="Mount">Where.</param>
/// <param name="Root">The cgroup that is seen at the mount: "/", unless a container was given a part of the tree only.</param>
/// <param name="Unified">Whether it is cgroup v2.</param>
/// <param name="Controllers">v1: those it was mounted with. v2: those its root has.</param>
/// <param name="Own">The directory of the cgroup this process is in; null when that lies outside of what is mounted.</param>
internal sealed record CgroupHierarchy(string Mount, string Root, bool Unified, ImmutableArray<string> Controllers, string? Own)
{
    /// <summary>The name of a controller's counterpart: what v2 calls io was blkio.</summary>
    public static string LegacyName(string controller) => controller == "io" ? "blkio" : controller;

    /// <summary>Which comes first where something is done to all: v2's, then that of v1's freezer, by which processes are stopped and ended.</summary>
    public int Order => Unified ? 0 : Controllers.Contains("freezer") ? 1 : 2;

    /// <summary>The cgroup of v2 that was given to this process to divide: it is in it, or in a leaf of it. Null when its place is not its own.</summary>
    public string? Delegated { get; init; }

    public bool Has(string controller) => Controllers.Contains(Unified ? controller : LegacyName(controller));
}

/// <summary>How a host has its controllers.</summary>
internal enum CgroupMode
{
    /// <summary>No cgroups are mounted.</summary>
    None,

    /// <summary>All in cgroup v1, each with a tree of its own.</summary>
    V1,

    /// <summary>In cgroup v1, and beside it cgroup v2 with few controllers or none, by which processes are known, frozen and killed.</summary>
    Hybrid,

    /// <summary>All in cgroup v2.</summary>
    V2,
}
