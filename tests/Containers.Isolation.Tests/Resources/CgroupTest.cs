using Containers.Resources;

namespace Containers.Tests.Resources;

/// <summary>Tests of what needs a cgroup: any of root's, and of a user's one below a part of the tree that was delegated.</summary>
public abstract class CgroupTest
{
    protected CgroupTest() => Need();

    /// <summary>The directory in which cgroups are made when no parent is named.</summary>
    protected static string Place => Find(CgroupHost.Current.Hierarchies.MinBy(one => one.Order)!);

    /// <summary>The same, as a parent is named: below the hierarchy's mount.</summary>
    protected static string PlaceInHierarchy => Place[CgroupHost.Current.Hierarchies.MinBy(one => one.Order)!.Mount.Length..];

    private static string Find(CgroupHierarchy hierarchy) => CgroupPlace.Find(hierarchy, null, hierarchy.Unified && hierarchy.Has("pids") ? ["pids"] : []);

    /// <summary>For single tests.</summary>
    internal static void Need()
    {
        string? why = WhyNone();
        Requires.That(why is null, $"this test needs a cgroup. {why}");
    }

    /// <summary>Why no container gets a cgroup here; null where it does.</summary>
    internal static string? WhyNone()
    {
        try
        {
            CgroupPlan.Of(Container.FromRootfs("/").WithCgroup().Spec, "needed", CgroupHost.Current);
            return null;
        }
        catch (ContainerException e)
        {
            return e.Message;
        }
    }
}
