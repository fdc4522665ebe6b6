using System.Globalization;
using Containers.Resources;
using Xunit;

namespace Containers.Tests.Resources;

/// <summary>Statistics are what the kernel's files say, and what was really used.</summary>
[Trait("vm", "yes")]
public sealed class StatisticsTests(BusyboxRoot root) : CgroupTest, IClassFixture<BusyboxRoot>
{
    private const long Mebibyte = 1 << 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Memory_that_is_used_is_counted()
    {
        await using Container container = await root.Container.WithCgroup().WithMemoryLimit(128 * Mebibyte).WithTmpfs("/filled").WithCommand("sh", "-c", "head -c 33554432 /dev/zero > /filled/file; echo done; read line; rm /filled/file; echo removed; read line").StartAsync(Cancellation);
        IAsyncEnumerator<string> lines = container.ReadOutputLinesAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        await lines.MoveNextAsync();

        MemoryStatistics filled = container.GetStatistics().Memory!;
        Assert.InRange(filled.Current, 31 * Mebibyte, 48 * Mebibyte);
        Assert.InRange(filled.Cache, 31 * Mebibyte, 48 * Mebibyte); // each processor keeps some pages uncounted: 5.10 said 32 MiB less 32 KiB

        await container.WriteInputAsync("\n", Cancellation);
        await lines.MoveNextAsync();
        MemoryStatistics removed = container.GetStatistics().Memory!;
        Assert.InRange(removed.Current, 0, 16 * Mebibyte);
        Assert.InRange(removed.Peak ?? 32 * Mebibyte, 31 * Mebibyte, 48 * Mebibyte);
        Assert.Equal((128 * Mebibyte, 0), (removed.Limit!.Value, removed.OomKills));
        await lines.DisposeAsync();
    }

    [Fact]
    public async Task Time_of_processors_is_counted_as_the_command_says_itself()
    {
        await using Container container = await root.Container.WithCgroup().WithCommand("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; cat /proc/self/stat > /dev/null; times").StartAsync(Cancellation);
        string[] times = (await container.ReadOutputAsync(Cancellation)).Split((char[]?)[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        ContainerExit exit = await container.WaitAsync(Cancellation);

        // "0m0.480s 0m0.012s" for the shell, and the same for its children.
        double said = times.Sum(time => (double.Parse(time[..time.IndexOf('m', StringComparison.Ordinal)], CultureInfo.InvariantCulture) * 60) + double.Parse(time[(time.IndexOf('m', StringComparison.Ordinal) + 1)..^1], CultureInfo.InvariantCulture));
        CpuStatistics cpu = container.GetStatistics().Cpu;
        Assert.InRange(cpu.Total.TotalSeconds, said - 0.05, said + 0.15);
        Assert.InRange((cpu.User + cpu.System).TotalSeconds, cpu.Total.TotalSeconds * 0.9, cpu.Total.TotalSeconds * 1.1);
        Assert.Equal(cpu.User + cpu.System, exit.Usage!.CpuTime);
        Assert.Equal((0L, TimeSpan.Zero), (cpu.ThrottledPeriods, cpu.ThrottledTime));
    }

    [Fact]
    public async Task Numbers_are_those_of_the_files()
    {
        await using Container container = await root.Container.WithCgroup().WithPidsLimit(50).WithCommand("sh", "-c", "sleep 1000 & sleep 1000 & echo ready; wait").StartAsync(Cancellation);
        IAsyncEnumerator<string> lines = container.ReadOutputLinesAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        await lines.MoveNextAsync();
        await container.PauseAsync(Cancellation); // so that nothing changes between the two readings
        ContainerStatistics statistics = container.GetStatistics();
        Dictionary<string, string> files = LimitsTests.Files(container);
        await LimitsTests.Eventually(() =>
        {
            // The kernel still frees what the start needed: until it has done so, two readings differ.
            (statistics, files) = (container.GetStatistics(), LimitsTests.Files(container));
            return container.GetStatistics().Memory == statistics.Memory;
        });

        Assert.Equal(3, statistics.Pids!.Current);
        Assert.Equal(files["pids.current"], statistics.Pids.Current.ToString(CultureInfo.InvariantCulture));
        Assert.Equal("50", files["pids.max"]);
        Assert.Equal(files.GetValueOrDefault("pids.peak"), statistics.Pids.Peak?.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(files[files.ContainsKey("memory.current") ? "memory.current" : "memory.usage_in_bytes"], statistics.Memory!.Current.ToString(CultureInfo.InvariantCulture));
        Assert.Null(statistics.Memory.Limit);
        Assert.Equal(Keyed.Value(files["memory.stat"], files.ContainsKey("memory.current") ? "file" : "total_cache"), statistics.Memory.Cache);
        using Containers.Native.CgroupHandle cgroup = Containers.Native.CgroupHandle.TryOpen(container.Cgroup!)!;
        Assert.Equal(Keyed.Value(cgroup.Read("cpu.stat"), "usage_usec"), (long)statistics.Cpu.Total.TotalMicroseconds);
        Assert.Equal(cgroup.TryRead("cpu.pressure") is { Length: > 0 }, statistics.CpuPressure is not null);
        await lines.DisposeAsync();
    }

    [Fact]
    public async Task Disks_that_are_used_are_counted()
    {
        Assert.SkipUnless(CgroupHost.Current.Of("io") is not null, "this test needs the controller io");
        string shared = root["written"];
        Directory.CreateDirectory(shared);
        Assert.SkipUnless(Directory.Exists($"/sys/dev/block/{Tool.Run("stat", "-c", "%Hd:%Ld", shared).Trim()}"), "this test needs a directory on a disk");
        await using Container container = await root.Container.WithCgroup().WithBind(shared, "/shared").WithCommand("sh", "-c", "dd if=/dev/zero of=/shared/file bs=1M count=8 oflag=direct 2> /dev/null").StartAsync(Cancellation);
        await container.WaitAsync(Cancellation);

        IReadOnlyList<IoStatistics> io = container.GetStatistics().Io;

        Assert.InRange(io.Max(one => one.WriteBytes), 8 * Mebibyte, 10 * Mebibyte);
        Assert.InRange(io.Max(one => one.WriteOperations), 1, 4096);
    }

    [Fact]
    public async Task Container_that_is_disposed_has_none()
    {
        Container container = await root.Container.WithCgroup().WithCommand("true").StartAsync(Cancellation);
        await container.WaitAsync(Cancellation);
        Assert.True(container.GetStatistics().Cpu.Total > TimeSpan.Zero);
        await container.DisposeAsync();

        Assert.Contains("disposed", Assert.Throws<ContainerException>(container.GetStatistics).Message);
    }
}
