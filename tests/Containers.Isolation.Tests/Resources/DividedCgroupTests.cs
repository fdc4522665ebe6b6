using System.Diagnostics;
using System.Globalization;
using Containers.Native;
using Containers.Resources;
using Xunit;

namespace Containers.Tests.Resources;

/// <summary>A cgroup that was given to a process to divide: it is known by its mark, and its processes make room.</summary>
public sealed class DividedCgroupTests : IClassFixture<HostState>, IDisposable
{
    private readonly CgroupHierarchy _hierarchy;
    private readonly CgroupHandle _cgroup;
    private readonly List<Process> _processes = [];

    public DividedCgroupTests()
    {
        Requires.Root();
        Requires.That(CgroupHost.Current.Unified is not null, "this test needs cgroup v2");
        _hierarchy = CgroupHost.Current.Unified!;
        _cgroup = CgroupHandle.TryMake(string.Create(CultureInfo.InvariantCulture, $"{_hierarchy.Mount}/containers-divided-{Environment.ProcessId}"))!;
    }

    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        Assert.Null(CgroupProcesses.TryRemove(_cgroup, TimeSpan.FromSeconds(10)));
        _cgroup.Dispose();
    }

    private string Leaf => $"{_cgroup.Path}/{Delegation.Leaf}";

    [Fact]
    public void It_is_known_from_within_and_from_a_leaf_and_no_further()
    {
        CgroupHierarchy within = _hierarchy with { Own = _cgroup.Path }, leaf = _hierarchy with { Own = Leaf }, below = _hierarchy with { Own = Leaf + "/more" };
        Assert.Null(Delegation.Find(within));

        Delegation.Mark(_cgroup.Path);

        Assert.Equal("1", Tool.Run("getfattr", "--only-values", "-n", "user.delegate", "--absolute-names", _cgroup.Path));
        Assert.Equal([_cgroup.Path, _cgroup.Path, null], ((CgroupHierarchy[])[within, leaf, below]).Select(Delegation.Find));
        Assert.Null(Delegation.Find(_hierarchy with { Own = _hierarchy.Mount }));
        Assert.Equal(_cgroup.Path, CgroupPlace.Find(within with { Delegated = _cgroup.Path }, null, []));
    }

    [Fact]
    public void Processes_make_room_for_controllers_where_it_is_theirs()
    {
        string? controller = _hierarchy.Controllers.FirstOrDefault(name => name is "hugetlb" or "memory" or "io");
        Requires.That(controller is not null, "this test needs a controller in cgroup v2");
        using (CgroupHandle top = CgroupHandle.TryOpen(_hierarchy.Mount)!)
        {
            CgroupPlace.Enable(top, [controller!]);
        }

        int[] pids = [Enter(), Enter(), Enter()];

        ContainerException refused = Assert.Throws<ContainerException>(() => CgroupPlace.Enable(_cgroup, [controller!]));
        Assert.Contains("has processes in it", refused.Message);
        Assert.False(Directory.Exists(Leaf));

        Delegation.Mark(_cgroup.Path);
        CgroupPlace.Enable(_cgroup, [controller!]);

        Assert.Equal(controller, _cgroup.Read("cgroup.subtree_control").Trim());
        Assert.Equal("", _cgroup.Read("cgroup.procs"));
        Assert.Equal(pids.Order(), File.ReadLines(Leaf + "/cgroup.procs").Select(int.Parse).Order());
    }

    private int Enter()
    {
        Process process = Process.Start("sleep", "1000");
        _processes.Add(process);
        _cgroup.Write("cgroup.procs", $"{process.Id}");
        return process.Id;
    }
}
