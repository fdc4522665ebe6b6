using System.Diagnostics;
using System.Globalization;
using Containers.Resources;
using Xunit;

namespace Containers.Tests.Resources;

/// <summary>Limits hold, and the host is not harmed by what runs into them.</summary>
[Trait("vm", "yes")]
public sealed class LimitsTests(BusyboxRoot root) : CgroupTest, IClassFixture<BusyboxRoot>
{
    private const long Mebibyte = 1 << 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Memory_hog_is_killed_and_reported_each_time()
    {
        for (int i = 0; i < 100; i++)
        {
            await using Container container = await root.Container.WithMemoryLimit(16 * Mebibyte).WithCommand(i % 2 == 0 ? ["tail", "/dev/zero"] : ["sh", "-c", "tail /dev/zero; exit $?"]).StartAsync(Cancellation);

            ContainerExit exit = await container.WaitAsync(Cancellation);

            Assert.Equal((ExitReason.OutOfMemory, 137), (exit.Reason, exit.ExitCode));
            Assert.InRange(exit.Usage!.PeakMemoryBytes ?? 16 * Mebibyte, 15 * Mebibyte, 16 * Mebibyte);
            MemoryStatistics memory = container.GetStatistics().Memory!;
            Assert.Equal(1, memory.OomKills);
            Assert.Equal(16 * Mebibyte, memory.Limit);
            Assert.InRange(memory.Peak ?? 16 * Mebibyte, 15 * Mebibyte, 16 * Mebibyte);
        }
    }

    [Fact]
    [Trait("vm", "brief")]
    public async Task Fork_bomb_stops_at_its_limit()
    {
        await using Container container = await root.Container.WithPidsLimit(30).WithCommand("sh", "-c", "bomb() { bomb | bomb & }; bomb 2> /dev/null; sleep 1000").StartAsync(Cancellation);
        await Eventually(() => container.GetStatistics().Pids!.Current >= 29);

        // The host goes on: it starts processes, and other containers.
        Assert.Equal("fine\n", await root.Sh("echo fine"));
        for (int i = 0; i < 50; i++)
        {
            Assert.InRange(container.GetStatistics().Pids!.Current, 1, 30);
        }

        Assert.Equal(30, container.GetStatistics().Pids!.Limit);
        container.Kill();
        await container.WaitAsync(Cancellation);
        await Eventually(() => container.GetStatistics().Pids!.Current == 0);
    }

    [Fact]
    public async Task Pids_limit_of_one_leaves_the_command_alone()
        => Assert.Contains("can't fork", (await root.Container.WithPidsLimit(1).WithCommand("sh", "-c", "sleep 1; echo done").RunAsync(cancellationToken: Cancellation)).Error);

    [Theory]
    [InlineData(0.25)]
    [InlineData(0.5)]
    public async Task Cpu_quota_is_kept_to_within_5_percent(double cores)
    {
        await using Container container = await root.Container.WithCgroup().WithCpuLimit(cores, TimeSpan.FromMilliseconds(20)).WithCommand("sh", "-c", "while :; do :; done").StartAsync(Cancellation);
        await Eventually(() => container.GetStatistics().Cpu.ThrottledPeriods > 1);
        List<double> shares = [];
        do
        {
            CpuStatistics before = container.GetStatistics().Cpu;
            long began = Stopwatch.GetTimestamp();
            await Task.Delay(TimeSpan.FromSeconds(2), Cancellation);
            CpuStatistics after = container.GetStatistics().Cpu;
            double share = (after.Total - before.Total) / Stopwatch.GetElapsedTime(began) / cores;
            shares.Add(share);
            Assert.True(after.ThrottledTime > before.ThrottledTime);
            Assert.InRange(share, 0, 1.05);
        }
        while (shares[^1] < 0.95 && shares.Count < 10); // a host that is busy gives less than the limit now and then

        Assert.True(shares[^1] >= 0.95, string.Join(' ', shares));
    }

    [Fact]
    [Trait("vm", "brief")]
    public async Task Cpuset_is_where_the_processes_run()
    {
        Assert.Equal("Cpus_allowed_list:\t0\n", await root.Sh("grep Cpus_allowed_list /proc/self/status", with => with.WithCpuset("0", "0")));

        await using Container container = root.Container.WithCpuset("0", "0").WithCommand("cat").Start();
        Assert.Equal("Cpus_allowed_list:\t0\n", (await container.RunAsync("grep", "Cpus_allowed_list", "/proc/self/status")).Output);
    }

    [Fact]
    [Trait("vm", "brief")]
    public async Task Files_of_the_cgroup_have_what_was_asked_for()
    {
        await using Container container = await root.Container
            .WithMemoryLimit(64 * Mebibyte).WithSwapLimit(32 * Mebibyte).WithCpuLimit(1.5, TimeSpan.FromMilliseconds(50)).WithCpuWeight(300).WithPidsLimit(77)
            .WithCommand("sleep", "1000").StartAsync(Cancellation);

        Dictionary<string, string> files = Files(container);
        if (CgroupHost.Current.Mode == CgroupMode.V2)
        {
            Assert.Equal("67108864", files["memory.max"]);
            Assert.Equal("33554432", files["memory.swap.max"]);
            Assert.Equal("75000 50000", files["cpu.max"]);
            Assert.Equal("300", files["cpu.weight"]);
        }
        else
        {
            Assert.Equal("67108864", files["memory.limit_in_bytes"]);
            Assert.Equal("100663296", files["memory.memsw.limit_in_bytes"]);
            Assert.Equal("75000", files["cpu.cfs_quota_us"]);
            Assert.Equal("50000", files["cpu.cfs_period_us"]);
            Assert.Equal("7840", files["cpu.shares"]);
        }

        Assert.Equal("77", files["pids.max"]);
        Assert.Contains(container.Pid.ToString(CultureInfo.InvariantCulture), files["cgroup.procs"].Split('\n'));
    }

    [Fact]
    [Trait("vm", "brief")]
    public async Task Limits_are_changed_while_it_runs()
    {
        await using Container container = await root.Container.WithMemoryLimit(64 * Mebibyte).WithPidsLimit(10).WithCpuLimit(0.5).WithCommand("sleep", "1000").StartAsync(Cancellation);

        foreach (long memory in (long[])[128 * Mebibyte, 32 * Mebibyte, ResourceLimits.Unlimited, 48 * Mebibyte])
        {
            await container.UpdateAsync(new ResourceLimits { Memory = memory }, Cancellation);
            Assert.Equal(memory == ResourceLimits.Unlimited ? null : memory, container.GetStatistics().Memory!.Limit);
        }

        await container.UpdateAsync(new ResourceLimits { Pids = 20, Cpus = 0.75 }, Cancellation);
        await container.UpdateAsync(new ResourceLimits { CpuPeriod = TimeSpan.FromMilliseconds(20) }, Cancellation);

        Assert.Equal(20, container.GetStatistics().Pids!.Limit);
        Assert.Equal(new { Memory = (long?)48 * Mebibyte, Pids = (long?)20, Cpus = (double?)0.75 }, new { container.Limits.Memory, container.Limits.Pids, container.Limits.Cpus });
        Dictionary<string, string> files = Files(container);
        Assert.Equal("15000 20000", files.TryGetValue("cpu.max", out string? max) ? max : $"{files["cpu.cfs_quota_us"]} {files["cpu.cfs_period_us"]}");
        await container.UpdateAsync(new ResourceLimits { Cpus = ResourceLimits.Unlimited, Pids = ResourceLimits.Unlimited }, Cancellation);
        files = Files(container);
        Assert.Equal("max", files["pids.max"]);
        Assert.Equal("max 20000", files.TryGetValue("cpu.max", out max) ? max : $"{(files["cpu.cfs_quota_us"] == "-1" ? "max" : "?")} {files["cpu.cfs_period_us"]}");
    }

    [Fact]
    public async Task Limit_on_a_controller_it_was_started_without_is_an_error_that_names_it()
    {
        Assert.SkipUnless(CgroupHost.Current.Of("cpuset") is not null, "this test needs the controller cpuset");
        await using Container container = await root.Container.WithPidsLimit(10).WithCommand("sleep", "1000").StartAsync(Cancellation);

        ContainerException error = await Assert.ThrowsAsync<ContainerException>(() => container.UpdateAsync(new ResourceLimits { CpusetCpus = "0" }, Cancellation));

        Assert.Contains("cpuset", error.Message);
        Assert.Contains("WithCgroup", error.Hint);
    }

    [Fact]
    public async Task Disk_is_throttled_as_asked()
    {
        string? disk = Disk();
        Assert.SkipUnless(disk is not null && CgroupHost.Current.Of("io") is not null, "this test needs a disk of the host and the controller io");

        await using Container container = await root.Container.WithIoLimit(disk!, readBytes: 4 * Mebibyte, writeOperations: 100).WithCommand("sleep", "1000").StartAsync(Cancellation);

        Dictionary<string, string> files = Files(container);
        string numbers = BlockDevice.Find(disk!);
        if (files.TryGetValue("io.max", out string? max))
        {
            Assert.Equal($"{numbers} rbps=4194304 wbps=max riops=max wiops=100", max);
        }
        else
        {
            Assert.Equal($"{numbers} 4194304", files["blkio.throttle.read_bps_device"]);
            Assert.Equal($"{numbers} 100", files["blkio.throttle.write_iops_device"]);
        }
    }

    [Fact]
    public async Task Huge_pages_are_limited()
    {
        Assert.SkipUnless(CgroupHost.Current.Of("hugetlb") is not null, "this test needs the controller hugetlb");
        await using Container container = await root.Container.WithHugetlbLimit("2MB", 4 * Mebibyte).WithCommand("sleep", "1000").StartAsync(Cancellation);

        Dictionary<string, string> files = Files(container);

        Assert.Equal("4194304", files.TryGetValue("hugetlb.2MB.max", out string? max) ? max : files["hugetlb.2MB.limit_in_bytes"]);
    }

    /// <summary>All that its directories say, but for what is not to be read.</summary>
    internal static Dictionary<string, string> Files(Container container)
    {
        Dictionary<string, string> files = [];
        string name = Path.GetFileName(container.Cgroup!);
        IEnumerable<string> directories = CgroupHost.Current.Hierarchies.Select(one => $"{one.Mount}/{name}").Append(container.Cgroup!).Where(Directory.Exists).Distinct();
        foreach (string file in directories.SelectMany(Directory.EnumerateFiles))
        {
            try
            {
                files[Path.GetFileName(file)] = File.ReadAllText(file).TrimEnd();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
            }
        }

        return files;
    }

    internal static async Task Eventually(Func<bool> condition)
    {
        for (long began = Stopwatch.GetTimestamp(); !condition(); await Task.Delay(2, Cancellation))
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(60), "what was waited for did not come");
        }
    }

    private static string? Disk() => Directory.EnumerateDirectories("/sys/block").Select(path => "/dev/" + Path.GetFileName(path)).FirstOrDefault(path => File.Exists(path) && !path.Contains("loop", StringComparison.Ordinal) && !path.Contains("ram", StringComparison.Ordinal));
}
