using Containers.Resources;
using Xunit;

namespace Containers.Tests.Resources;

/// <summary>What makes no sense, or is not there, is an error that says so before anything starts.</summary>
public sealed class BadLimitsTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private const string Mounts = """
        30 24 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro
        31 30 0:27 / /sys/fs/cgroup/unified rw shared:5 - cgroup2 cgroup2 rw,nsdelegate
        32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:6 - cgroup cgroup rw,cpu,cpuacct
        33 30 0:29 /docker/abc /sys/fs/cgroup/my\040memory rw - cgroup cgroup rw,memory
        34 30 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Numbers_that_are_no_limits_are_refused_where_they_are_given()
    {
        ContainerBuilder builder = root.Container;
        Action[] bad =
        [
            () => builder.WithMemoryLimit(-2), () => builder.WithMemoryLimit(0), () => builder.WithMemoryLimit(4096), () => builder.WithMemoryHigh(1), () => builder.WithSwapLimit(-5),
            () => builder.WithCpuLimit(0), () => builder.WithCpuLimit(-0.5), () => builder.WithCpuLimit(double.NaN), () => builder.WithCpuLimit(0.001), () => builder.WithCpuLimit(1, TimeSpan.FromSeconds(2)), () => builder.WithCpuLimit(1, TimeSpan.FromTicks(1)),
            () => builder.WithCpuWeight(0), () => builder.WithCpuWeight(10001), () => builder.WithIoWeight(-1), () => builder.WithPidsLimit(0), () => builder.WithPidsLimit(-3),
            () => builder.WithIoLimit("8:0", readBytes: 0), () => builder.WithIoLimit("8:0", writeOperations: -7), () => builder.WithHugetlbLimit("2MB", -2),
        ];
        Assert.All(bad, one => Assert.Throws<ArgumentOutOfRangeException>(one));
        Assert.All((Action[])[() => builder.WithCpuset("3-1"), () => builder.WithCpuset("x"), () => builder.WithCpuset(""), () => builder.WithCpuset(null, "0,"), () => builder.WithHugetlbLimit("two", 0), () => builder.WithCgroup(""), () => builder.WithCgroup("../x"), () => builder.WithCgroup("cgroup.procs"), () => builder.WithCgroupParent("relative"), () => builder.WithCgroupParent("/a/../b")],
            one => Assert.Throws<ArgumentException>(one));
    }

    [Fact]
    public void What_the_host_does_not_have_is_named()
    {
        Assert.Contains("processors that this host does not have: 4095", Start(with => with.WithCpuset("0,4095")).Message);
        Assert.Contains("memory nodes that this host does not have: 63", Start(with => with.WithCpuset("0", "63")).Message);
        Assert.Contains("no block device", Start(with => with.WithIoLimit("/dev/null", readBytes: 1)).Message);
        Assert.Contains("/dev/nowhere", Start(with => with.WithIoLimit("/dev/nowhere", readBytes: 1)).Message);
        Assert.Contains("\"250:250\"", Start(with => with.WithIoLimit("250:250", readBytes: 1)).Message);
        if (CgroupHost.Current.Of("hugetlb") is not null)
        {
            Assert.Contains("hugetlb.3MB", Start(with => with.WithHugetlbLimit("3MB", 0)).Message);
        }
    }

    [Fact]
    public void Controller_that_is_missing_is_named_with_the_reason()
    {
        CgroupHost.Pretended.Value = CgroupHost.Current.Where(_ => false);

        ContainerException error = Start(with => with.WithMemoryLimit(64 << 20));

        Assert.Contains("controller memory", error.Message);
        Assert.Contains("no cgroups are mounted", error.Message);
    }

    [Fact]
    public void Limits_of_the_other_version_are_named()
    {
        Assert.SkipUnless(CgroupHost.Current.Of("memory") is { Unified: false }, "this test needs the controller memory in cgroup v1");

        Assert.Contains("memory.high is of cgroup v2", Start(with => with.WithMemoryHigh(64 << 20)).Message);
        Assert.Contains("limit on memory is needed", Start(with => with.WithSwapLimit(64 << 20)).Message);
    }

    [Fact]
    public void Memory_in_which_nothing_can_start_is_an_error_or_the_end_of_the_command_and_never_the_host_s()
    {
        for (int i = 0; i < 20; i++)
        {
            try
            {
                using Container container = root.Container.WithMemoryLimit(ResourceLimits.MinimumMemory).WithCommand("sh", "-c", "echo started").Start();
                ContainerExit exit = container.Wait();
                Assert.True(exit.IsSuccess || exit.Reason == ExitReason.OutOfMemory, exit.ToString());
            }
            catch (LaunchException error)
            {
                Assert.Equal(Errno.ENOMEM, error.Errno);
            }
        }
    }

    [Fact]
    public void Hosts_are_read_as_they_describe_themselves()
    {
        CgroupHost host = CgroupHost.Parse(Mounts.Split('\n'), ["12:cpu,cpuacct:/user/one", "11:memory:/docker/abc/mine", "10:name=systemd:/x", "0::/user.slice/a"], _ => "hugetlb pids\n");

        Assert.Equal(CgroupMode.Hybrid, host.Mode);
        Assert.Equal(["hugetlb", "pids"], host.Unified!.Controllers);
        Assert.Equal("/sys/fs/cgroup/unified/user.slice/a", host.Unified.Own);
        Assert.Equal(("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/user/one"), (host.Of("cpu")!.Mount, host.Of("cpuacct")!.Own));
        Assert.Equal(("/sys/fs/cgroup/my memory", "/sys/fs/cgroup/my memory/mine"), (host.Of("memory")!.Mount, host.Of("memory")!.Own));
        Assert.True(host.Of("pids")!.Unified);
        Assert.Null(host.Of("io"));
        Assert.Equal(CgroupMode.V2, CgroupHost.Parse(["29 23 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"], ["0::/"], _ => "cpu memory").Mode);
        Assert.Equal(CgroupMode.V1, host.Where(one => !one.Unified).Mode);
        Assert.Equal(CgroupMode.None, CgroupHost.Parse([], [], _ => "").Mode);
        Assert.Null(CgroupHost.Parse(["29 23 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"], ["0::/../other"], _ => "cpu").Unified!.Own);
    }

    [Fact]
    public void Shares_and_weights_are_converted_as_oci_says()
    {
        Assert.Equal([1, 39, 10000, 1, 10000], ((long[])[2, 1024, 262144, 0, 1 << 30]).Select(ResourceLimits.CpuWeightOfShares));
        Assert.Equal([2L, 2597L, 262144L], ((int[])[1, 100, 10000]).Select(ResourceLimits.SharesOfCpuWeight));
    }

    private ContainerException Start(Func<ContainerBuilder, ContainerBuilder> with)
        => Assert.ThrowsAny<ContainerException>(() => with(root.Container).WithCommand("true").Start());
}
