using Containers.Resources;

namespace Containers.Tests.Resources;

/// <summary>Tests of what needs a cgroup: any of root's, and of a user's one below a part of the tree that was delegated.</summary>
public abstract class CgroupTest
{
    protected CgroupTest() => Need();

    /// <summary>For single tests.</summary>
    internal static void Need()
    {
        string? why = null;
        try
        {
            CgroupPlan.Of(Container.FromRootfs("/").WithCgroup().Spec, "needed", CgroupHost.Current);
        }
        catch (ContainerException e)
        {
            why = e.Message;
        }

        Requires.That(why is null, $"this test needs a cgroup. {why}");
    }
}
