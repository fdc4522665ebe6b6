using System.Globalization;
using Containers.Resources;
using Containers.Tests.Resources;
using Xunit;

namespace Containers.Tests.Limits;

/// <summary>Several limits at once, and several ends: one reason is told, and it is that of what ended the command.</summary>
[Trait("vm", "yes")]
public sealed class CombinationTests(BusyboxRoot root) : CgroupTest, IClassFixture<BusyboxRoot>
{
    private const string Hog = "exec dd if=/dev/zero of=/dev/null bs=200M count=1";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ContainerBuilder Limited
    {
        get
        {
            Assert.SkipUnless(CgroupHost.Current.Of("memory") is not null, "this host has no memory controller");
            ContainerBuilder limited = root.Container.WithMemoryLimit(32 << 20).WithTimeout(TimeSpan.FromMinutes(2)).WithCpuTimeLimit(TimeSpan.FromMinutes(1)).WithOutputLimit(1 << 20).WithPidsLimit(50);
            return BusyboxRoot.Overlays ? limited.WithDiskLimit(8 << 20, DiskLimitKind.Memory) : limited; // a copied root has none
        }
    }

    [Theory]
    [InlineData("exit 7", ExitReason.Exited)]
    [InlineData(Hog, ExitReason.OutOfMemory)]
    [InlineData("yes; sleep 1000", ExitReason.OutputLimit)]
    [InlineData("while :; do sleep 0.01; done", ExitReason.WallTime)]
    [InlineData("while :; do :; done", ExitReason.CpuTime)]
    [Trait("vm", "brief")]
    public async Task Each_end_is_told_with_all_limits_set(string script, ExitReason reason)
    {
        ContainerBuilder container = Limited;
        container = reason switch
        {
            ExitReason.WallTime => container.WithTimeout(TimeSpan.FromMilliseconds(150)),
            ExitReason.CpuTime => container.WithCpuTimeLimit(TimeSpan.FromMilliseconds(150)),
            _ => container,
        };
        ContainerResult result = await container.WithCommand("sh", "-c", script).RunAsync(cancellationToken: Cancellation);

        Assert.Equal(reason, result.Reason);
        Assert.Equal(reason == ExitReason.Exited ? (7, null) : (137, 9), (result.ExitCode, result.Exit.Signal));
        if (CgroupHost.Current.Of("memory") is { Unified: false } || Environment.OSVersion.Version >= new Version(5, 19)) // memory.peak
        {
            Assert.NotNull(result.Exit.Usage!.PeakMemoryBytes);
        }
    }

    [Fact]
    public async Task Child_that_ran_out_of_memory_is_not_why_its_parent_ends_later()
    {
        string script = $"({Hog}) 2> /dev/null; echo survived; ";

        Assert.Equal(ExitReason.WallTime, (await Limited.WithTimeout(TimeSpan.FromSeconds(2)).WithCommand("sh", "-c", script + "sleep 1000").RunAsync(cancellationToken: Cancellation)).Reason);
        Assert.Equal(new ContainerExit(0, null), (await Limited.WithCommand("sh", "-c", script + "exit 0").RunAsync(cancellationToken: Cancellation)).Exit);

        await using Container killed = Limited.WithCommand("sh", "-c", script + "sleep 1000").Start();
        await killed.StandardOutput!.ReadAtLeastAsync("survived\n".Length, Cancellation);
        Assert.True(killed.Kill());
        Assert.Equal(ExitReason.Killed, (await killed.WaitAsync(Cancellation)).Reason);
    }

    [Fact]
    public async Task Out_of_memory_at_the_time_of_another_end_is_one_of_the_two()
    {
        Dictionary<ExitReason, int> seen = [];
        for (int i = 0; i < 30; i++)
        {
            await using Container container = Limited.WithTimeout(i % 3 == 0 ? TimeSpan.FromMinutes(2) : TimeSpan.FromMilliseconds(5 + (i * i))).WithCommand("sh", "-c", "sleep 0.01; " + Hog).Start();
            Task killing = i % 3 != 0 ? Task.CompletedTask : Task.Run(() => container.WaitAsync(Cancellation).Wait(5 + (i * i), Cancellation) || container.Kill(), Cancellation);
            ContainerExit exit = await container.WaitAsync(Cancellation);
            await killing;
            seen[exit.Reason] = seen.GetValueOrDefault(exit.Reason) + 1;
            Assert.Equal((137, 9), (exit.ExitCode, exit.Signal));
            Assert.Contains(exit.Reason, (ExitReason[])[ExitReason.OutOfMemory, ExitReason.WallTime, ExitReason.Killed]);
            if (exit.Reason == ExitReason.OutOfMemory)
            {
                Assert.InRange(container.GetStatistics().Memory!.OomKills, 1, long.MaxValue);
            }
        }

        Assert.Contains(ExitReason.OutOfMemory, seen.Keys);
        TestContext.Current.TestOutputHelper!.WriteLine(string.Join(", ", seen.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Key} {one.Value}"))));
    }

    [Fact]
    public async Task Disk_in_memory_counts_as_memory()
    {
        Requires.That(BusyboxRoot.Overlays, "this test needs overlays of an ordinary user, Linux 5.11");

        // Of the two the smaller one holds: a disk larger than the memory ends in want of memory, or the writer gets an error.
        ContainerExit exit = (await Limited.WithDiskLimit(128 << 20, DiskLimitKind.Memory).WithCommand("sh", "-c", "dd if=/dev/zero of=/filler bs=1M count=120 2> /dev/null; exit 1").RunAsync(cancellationToken: Cancellation)).Exit;

        Assert.Contains(exit.Reason, (ExitReason[])[ExitReason.OutOfMemory, ExitReason.Exited]);
        Assert.NotEqual(0, exit.ExitCode);
    }
}
