using System.Globalization;
using Containers.Native;
using Containers.Resources;
using Xunit;

namespace Containers.Tests.Resources;

/// <summary>Cgroups of one who is not root: below what was delegated, or an error that says what was not.</summary>
[Trait("vm", "yes")]
[Trait("vm", "brief")]
public sealed class DelegationTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static ContainerSpec Spec => Container.FromRootfs("/").WithMemoryLimit(64 << 20).WithPidsLimit(5).WithCpuLimit(0.5).Spec;

    [Fact]
    public async Task Limits_hold_below_a_delegated_cgroup()
    {
        Assert.SkipUnless(!Environment.IsPrivilegedProcess && CgroupHost.Current.Mode == CgroupMode.V2, "this test needs a user who is not root, and a host with cgroup v2 alone");
        Requires.Tools("sleep");
        CgroupHierarchy unified = CgroupHost.Current.Unified!;
        CgroupPlan plan = CgroupPlan.Of(Spec, "delegated", CgroupHost.Current);
        CgroupDirectory directory = Assert.Single(plan.Directories);
        Assert.StartsWith(directory.Parent, unified.Own);
        Assert.NotEqual(unified.Mount, directory.Parent);

        using (ContainerCgroup cgroup = ContainerCgroup.Make(plan, "delegated", []))
        {
            Assert.Equal("67108864", cgroup.Unified!.Read("memory.max").Trim());
            Assert.Equal("50000 100000", cgroup.Unified.Read("cpu.max").Trim());
            using StepProgram program = new();
            program.AddSignalDefaults();
            Sleep(program);
            LaunchedChild child = Launcher.Launch(program, 0, "sleep", cgroup.Unified.Descriptor, vfork: true);
            Assert.True(child.WaitForExec());
            Assert.Equal([child.Pid], CgroupProcesses.Members(cgroup.Unified));
            await cgroup.FreezeAsync(Cancellation);
            Assert.Equal(1, StatisticsReader.Read(cgroup).Pids!.Current);
            cgroup.Update(new ResourceLimits { Pids = 7 });
            Assert.Equal("7", cgroup.Unified.Read("pids.max").Trim());
            cgroup.Kill();
            child.Handle.WaitForExit();
            Assert.True(child.Handle.TryReap(out int signal, out bool signaled));
            Assert.Equal((9, true), (signal, signaled));
            child.Handle.Dispose();
        }

        Assert.False(Directory.Exists(directory.Path));
    }

    [Fact]
    public void What_was_not_delegated_is_named()
    {
        Assert.SkipUnless(!Environment.IsPrivilegedProcess, "this test needs a user who is not root");
        string[] controllers = CgroupHost.Current.Mode == CgroupMode.V2 ? ["memory", "rdma_that_is_not_there"] : ["memory"];
        CgroupHierarchy hierarchy = CgroupHost.Current.Of("memory")!;

        ContainerException error = Assert.Throws<ContainerException>(() => CgroupPlace.Find(hierarchy, null, controllers));

        Assert.Contains(hierarchy.Unified ? "does not have rdma_that_is_not_there: it was not delegated" : "cannot be written by this process", error.Message);
        Assert.Contains(hierarchy.Unified ? "Delegate=yes" : "cgroup v1 is root's", error.Hint);
        Assert.Contains(hierarchy.Mount, error.Message);
    }

    private static unsafe void Sleep(StepProgram program)
        => program.Add(SystemCall.execve, program.Text(Requires.Find("sleep")!), program.Texts(["sleep", string.Create(CultureInfo.InvariantCulture, $"{1000}")]), program.Texts([]));
}
