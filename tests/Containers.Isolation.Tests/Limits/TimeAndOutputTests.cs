using System.Diagnostics;
using Xunit;

namespace Containers.Tests.Limits;

/// <summary>A command that runs too long, or writes too much.</summary>
[Trait("vm", "yes")]
public sealed class TimeAndOutputTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Command_that_runs_too_long_is_killed_with_all_its_processes()
    {
        Stopwatch clock = Stopwatch.StartNew();
        ContainerResult result = await root.Container.WithTimeout(TimeSpan.FromMilliseconds(200)).WithCommand("sh", "-c", "echo begun; sleep 87654 & sleep 87654").RunAsync(cancellationToken: Cancellation);

        Assert.Equal(new ContainerExit(137, 9) { Reason = ExitReason.WallTime }, result.Exit);
        Assert.Equal("ended by SIGKILL: its time was over", result.Exit.ToString());
        Assert.Equal("begun\n", result.Output);
        Assert.InRange(clock.Elapsed, TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(20));
        Assert.Equal(1, Tool.Try("pgrep", "-f", "87654").ExitCode);
    }

    [Fact]
    public async Task Command_that_ends_in_time_has_exited()
        => Assert.Equal(new ContainerExit(3, null), (await root.Container.WithTimeout(TimeSpan.FromMinutes(5)).WithCommand("sh", "-c", "exit 3").RunAsync(cancellationToken: Cancellation)).Exit);

    [Fact]
    public async Task Command_that_ignores_every_signal_is_killed_when_its_time_is_over()
        => Assert.Equal(ExitReason.WallTime, (await root.Container.WithTimeout(TimeSpan.FromMilliseconds(50)).WithCommand("sh", "-c", "trap '' 1 2 3 15; while :; do :; done").RunAsync(cancellationToken: Cancellation)).Reason);

    [Fact]
    public void Waiting_on_this_thread_ends_with_the_time_too()
    {
        using Container container = root.Container.WithTimeout(TimeSpan.FromMilliseconds(50)).WithCommand("sleep", "1000").Start();

        Assert.Equal(ExitReason.WallTime, container.Wait().Reason);
    }

    [Fact]
    public async Task Command_that_is_killed_by_others_in_its_time_is_not_out_of_time()
    {
        await using Container container = root.Container.WithTimeout(TimeSpan.FromMinutes(5)).WithCommand("sleep", "1000").Start();
        Assert.True(container.Kill());
        Assert.Equal(ExitReason.Killed, (await container.WaitAsync(Cancellation)).Reason);

        await using Container other = root.Container.WithTimeout(TimeSpan.FromMinutes(5)).WithCommand("sleep", "1000").Start();
        Tool.Run("kill", "-KILL", $"{other.Pid}");
        Assert.Equal(ExitReason.Signaled, (await other.WaitAsync(Cancellation)).Reason);
    }

    [Fact]
    public async Task Whatever_happens_at_the_same_time_the_reason_is_what_the_status_says()
    {
        // The command ends by itself just when its time is over, and its caller kills it: each is told at times, and none for another.
        HashSet<ExitReason> seen = [];
        for (int i = 0; i < 60; i++)
        {
            await using Container container = root.Container.WithTimeout(TimeSpan.FromMilliseconds(10 + (i % 3))).WithCommand("sh", "-c", "sleep 0.01; exit 4").Start();
            Task killer = i % 4 != 0 ? Task.CompletedTask : Task.Run(() => container.WaitAsync(Cancellation).Wait(10 + (i % 3), Cancellation) ? 0 : container.Kill() ? 1 : 2, Cancellation);
            ContainerExit exit = await container.WaitAsync(Cancellation);
            await killer;
            seen.Add(exit.Reason);
            Assert.Equal(exit.Reason == ExitReason.Exited ? (4, null) : (137, 9), (exit.ExitCode, exit.Signal));
            Assert.NotEqual(ExitReason.Signaled, exit.Reason);
        }

        Assert.Contains(ExitReason.WallTime, seen);
    }

    [Fact]
    public async Task Disposal_before_the_time_leaves_no_timer()
    {
        int before = Timers();
        for (int i = 0; i < 5; i++)
        {
            await using Container container = root.Container.WithTimeout(TimeSpan.FromHours(1)).WithCommand("true").Start();
            if (i % 2 == 0)
            {
                await container.WaitAsync(Cancellation);
                Assert.Equal(before, Timers());
            }
        }

        Assert.Throws<CommandNotFoundException>(() => root.Container.WithTimeout(TimeSpan.FromHours(1)).WithCommand("no-such-command").Start());
        Assert.Equal(before, Timers());

        static int Timers() => Directory.EnumerateFiles("/proc/self/fd").Count(path => new FileInfo(path).LinkTarget?.Contains("timerfd", StringComparison.Ordinal) == true);
    }

    [Theory]
    [InlineData("yes")]
    [InlineData("yes >&2")]
    [InlineData("yes & yes >&2")]
    public async Task Command_that_writes_too_much_is_killed_and_what_it_may_write_is_kept(string script)
    {
        ContainerResult result = await root.Container.WithOutputLimit(100_001).WithCommand("sh", "-c", script + "; sleep 1000").RunAsync(cancellationToken: Cancellation);

        Assert.Equal(new ContainerExit(137, 9) { Reason = ExitReason.OutputLimit }, result.Exit);
        Assert.True(result.IsTruncated);
        Assert.Equal(100_001, result.Output.Length + result.Error.Length);
        Assert.All(result.Output.Chunk(2), pair => Assert.StartsWith(new string(pair), "y\n"));
    }

    [Fact]
    public async Task Command_that_writes_as_much_as_it_may_has_exited()
    {
        ContainerResult result = await root.Container.WithOutputLimit(10).WithCommand("sh", "-c", "printf 12345; printf 67890 >&2").RunAsync(cancellationToken: Cancellation);

        Assert.Equal((ExitReason.Exited, "12345", "67890", false), (result.Reason, result.Output, result.Error, result.IsTruncated));
    }

    [Fact]
    public async Task Command_that_wrote_too_much_and_has_exited_meanwhile_has_exited_and_its_output_is_cut()
    {
        await using Container container = root.Container.WithOutputLimit(3).WithCommand("sh", "-c", "printf 12345; exit 6").Start();
        ContainerExit exit = await container.WaitAsync(Cancellation); // before anything is read

        Assert.Equal("123", await container.ReadOutputAsync(Cancellation));
        Assert.Equal(new ContainerExit(6, null), exit);
        Assert.True(container.IsOutputTruncated);
    }

    [Fact]
    public async Task Command_whose_output_nobody_reads_waits_and_is_not_killed()
    {
        await using Container container = root.Container.WithOutputLimit(10).WithCommand("yes").Start();
        SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{container.Pid}/wchan").Contains("pipe", StringComparison.Ordinal), TimeSpan.FromSeconds(30));

        Assert.Null(container.Exit);
        Assert.False(container.IsOutputTruncated);
        Assert.Equal("y\ny\ny\ny\ny\n", await container.ReadOutputAsync(Cancellation));
        Assert.Equal(ExitReason.OutputLimit, (await container.WaitAsync(Cancellation)).Reason);
    }

    [Fact]
    public async Task Command_may_be_allowed_to_write_nothing()
    {
        Assert.Equal(ExitReason.Exited, (await root.Container.WithOutputLimit(0).WithCommand("true").RunAsync(cancellationToken: Cancellation)).Reason);
        Assert.Equal((ExitReason.OutputLimit, ""), await root.Container.WithOutputLimit(0).WithCommand("yes").RunAsync(cancellationToken: Cancellation) is { } result ? (result.Reason, result.Output) : default);
    }

    [Fact]
    public void Limits_that_make_no_sense_are_refused_before_anything_starts()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => root.Container.WithTimeout(TimeSpan.Zero));
        Assert.Throws<ArgumentOutOfRangeException>(() => root.Container.WithTimeout(Timeout.InfiniteTimeSpan));
        Assert.Throws<ArgumentOutOfRangeException>(() => root.Container.WithOutputLimit(-1));
        Assert.Contains("neither standard output nor standard error is a pipe", Assert.Throws<ContainerException>(
            () => root.Container.WithOutputLimit(1).WithStandardStreams(StandardStream.Null, StandardStream.Null, StandardStream.Null).WithCommand("true").Start()).Message);
        Assert.Empty(root.Leftovers());
    }

    [Fact]
    public async Task Longest_time_is_possible()
        => Assert.Equal(ExitReason.Exited, (await root.Container.WithTimeout(TimeSpan.MaxValue).WithCommand("true").RunAsync(cancellationToken: Cancellation)).Reason);
}
