using System.Globalization;
using Containers.Tests.Resources;
using Xunit;

namespace Containers.Tests.Limits;

/// <summary>A container that uses up its CPU time, and those that look as if.</summary>
[Trait("vm", "yes")]
public sealed class CpuTimeTests(BusyboxRoot root) : CgroupTest, IClassFixture<BusyboxRoot>
{
    private const string Burn = "while :; do :; done";

    // Of a virtual machine without acceleration, with others beside it: here it is 10 ms more than the limit.
    private static readonly TimeSpan s_slowest = TimeSpan.FromSeconds(5);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Container_that_uses_up_its_cpu_time_is_killed()
    {
        ContainerResult result = await root.Container.WithCpuTimeLimit(TimeSpan.FromMilliseconds(200)).WithCommand("sh", "-c", Burn).RunAsync(cancellationToken: Cancellation);

        Assert.Equal(new ContainerExit(137, 9) { Reason = ExitReason.CpuTime }, result.Exit);
        Assert.InRange(result.Exit.Usage!.CpuTime, TimeSpan.FromMilliseconds(200), s_slowest);
    }

    [Fact]
    public async Task Time_of_all_processes_counts_also_of_those_nobody_waits_for()
    {
        ContainerResult result = await root.Container.WithCpuTimeLimit(TimeSpan.FromMilliseconds(300)).WithTimeout(TimeSpan.FromMinutes(2))
            .WithCommand("sh", "-c", $"for n in 1 2 3 4; do ({Burn}) & done; sleep 1000").RunAsync(cancellationToken: Cancellation);

        Assert.Equal(ExitReason.CpuTime, result.Reason);
        Assert.InRange(result.Exit.Usage!.CpuTime, TimeSpan.FromMilliseconds(300), s_slowest);
    }

    [Fact]
    public async Task Time_of_short_processes_one_after_the_other_counts()
    {
        ContainerResult result = await root.Container.WithCpuTimeLimit(TimeSpan.FromMilliseconds(200)).WithTimeout(TimeSpan.FromMinutes(2))
            .WithCommand("sh", "-c", "while :; do /bin/true; done").RunAsync(cancellationToken: Cancellation);

        Assert.Equal(ExitReason.CpuTime, result.Reason);
    }

    [Fact]
    public async Task Container_that_sleeps_is_not_killed()
    {
        ContainerResult result = await root.Container.WithCpuTimeLimit(TimeSpan.FromSeconds(1)).WithCommand("sh", "-c", "sleep 1.2; exit 3").RunAsync(cancellationToken: Cancellation);

        Assert.Equal(new ContainerExit(3, null), result.Exit);
    }

    [Fact]
    public async Task Whichever_limit_comes_first_is_the_reason()
    {
        ContainerBuilder both = root.Container.WithCommand("sh", "-c", Burn);

        Assert.Equal(ExitReason.WallTime, (await both.WithTimeout(TimeSpan.FromMilliseconds(100)).WithCpuTimeLimit(TimeSpan.FromMinutes(2)).RunAsync(cancellationToken: Cancellation)).Reason);
        Assert.Equal(ExitReason.CpuTime, (await both.WithTimeout(TimeSpan.FromMinutes(2)).WithCpuTimeLimit(TimeSpan.FromMilliseconds(100)).RunAsync(cancellationToken: Cancellation)).Reason);
        Assert.Equal(ExitReason.OutputLimit, (await both.WithCommand("yes").WithTimeout(TimeSpan.FromMinutes(2)).WithCpuTimeLimit(TimeSpan.FromMinutes(2)).WithOutputLimit(1000).RunAsync(cancellationToken: Cancellation)).Reason);
    }

    [Fact]
    public async Task Host_that_watches_an_idle_container_is_idle()
    {
        await using Container container = root.Container.WithCpuTimeLimit(TimeSpan.FromMilliseconds(400)).WithCommand("sh", "-c", "echo idle; exec sleep 1000").Start();
        await container.StandardOutput!.ReadAtLeastAsync(5, Cancellation);
        long before = WakeUps();
        await Assert.ThrowsAsync<TimeoutException>(() => container.WaitAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(1), Cancellation));

        Assert.InRange(WakeUps() - before, 1, 60); // ten are meant
    }

    // How often the thread that waits for all has slept: each time for another look.
    private static long WakeUps()
    {
        string thread = Directory.EnumerateDirectories("/proc/self/task").Single(task => File.ReadAllText(task + "/comm").Trim() == "containers-poller"[..15]);
        return long.Parse(File.ReadLines(thread + "/status").First(line => line.StartsWith("voluntary_ctxt_switches:", StringComparison.Ordinal)).Split('\t')[1], CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Limit_that_is_none_is_refused()
        => Assert.Throws<ArgumentOutOfRangeException>(() => root.Container.WithCpuTimeLimit(TimeSpan.FromSeconds(-1)));
}
