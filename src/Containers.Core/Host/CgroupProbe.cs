using Containers.Resources;
using static Containers.HostCapabilities;

namespace Containers.Host;

/// <summary>Cgroups, and which controllers this process may give to a container.</summary>
internal static class CgroupProbe
{
    private static readonly (HostFeature Feature, string Name)[] s_controllers =
    [
        (HostFeature.MemoryController, "memory"), (HostFeature.CpuController, "cpu"), (HostFeature.CpusetController, "cpuset"),
        (HostFeature.PidsController, "pids"), (HostFeature.IoController, "io"), (HostFeature.HugetlbController, "hugetlb"),
    ];

    public static IEnumerable<HostCapability> All()
    {
        CgroupHost host = CgroupHost.Current;
        string mode = host.Mode switch { CgroupMode.V1 => "v1", CgroupMode.V2 => "v2", CgroupMode.Hybrid => "v1 and v2 (hybrid)", _ => "not mounted" };
        string? refusal = host.Unified is { } unified ? Refusal(unified, []) : null;
        yield return host.Mode == CgroupMode.None ? No(HostFeature.Cgroups, mode)
            : refusal is not null ? No(HostFeature.Cgroups, $"{mode}. {refusal}")
            : Yes(HostFeature.Cgroups, mode);
        foreach ((HostFeature feature, string name) in s_controllers)
        {
            yield return host.Of(name) is not { } hierarchy ? No(feature, host.WhyMissing(name), "A kernel that has the controller, and cgroups that are mounted with it.")
                : Refusal(hierarchy, [name]) is { } why ? No(feature, why)
                : Yes(feature, hierarchy.Unified ? "v2" : "v1");
        }
    }

    private static string? Refusal(CgroupHierarchy hierarchy, string[] controllers)
    {
        try
        {
            CgroupPlace.Find(hierarchy, null, hierarchy.Unified ? controllers : []);
            return null;
        }
        catch (ContainerException e)
        {
            return (e.Hint is { } hint ? e.Message[..^(hint.Length + 1)] : e.Message).TrimEnd('.'); // the table has hints of its own
        }
    }
}
