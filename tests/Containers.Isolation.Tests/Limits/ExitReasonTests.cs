using System.Globalization;
using System.Text;
using Xunit;

namespace Containers.Tests.Limits;

/// <summary>Why a command ended, with no limit in play: by itself, by a signal of its own, by its caller.</summary>
[Trait("vm", "yes")]
public sealed class ExitReasonTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("exit 0", 0)]
    [InlineData("exit 7", 7)]
    [InlineData("exit 137", 137)] // as if it had been killed, and was not
    public async Task Command_that_returns_has_exited(string script, int code)
        => Assert.Equal(new ContainerExit(code, null) { Reason = ExitReason.Exited }, await Exit(script));

    [Fact]
    public async Task Command_that_another_process_kills_is_signaled_and_not_killed_by_its_caller()
    {
        await using Container container = root.Container.WithCommand("sleep", "1000").Start();
        Tool.Run("kill", "-KILL", container.Pid.ToString(CultureInfo.InvariantCulture));

        Assert.Equal(new ContainerExit(137, 9) { Reason = ExitReason.Signaled }, await container.WaitAsync(Cancellation));
        Assert.False(container.Kill());
    }

    [Fact]
    public async Task Command_that_kills_itself_is_signaled()
    {
        // Not as process 1, to which its own signals are not delivered.
        await using Container container = root.Container.WithHostPidNs().WithCommand("sh", "-c", "kill -KILL $$").Start();

        Assert.Equal(new ContainerExit(137, 9) { Reason = ExitReason.Signaled }, await container.WaitAsync(Cancellation));
    }

    [Fact]
    public async Task Signal_of_the_caller_that_is_not_handled_is_the_callers()
    {
        await using Container container = root.Container.WithHostPidNs().WithCommand("sleep", "1000").Start();

        Assert.True(container.Kill("SIGUSR1"));
        Assert.Equal(new ContainerExit(138, 10) { Reason = ExitReason.Killed }, await container.WaitAsync(Cancellation));
    }

    [Fact]
    public async Task Signal_of_the_caller_is_not_taken_for_another_one_that_ended_the_command()
    {
        await using Container container = root.Container.WithHostPidNs().WithCommand("sh", "-c", "trap 'kill -SEGV $$' USR1; echo ready; while :; do sleep 0.01; done").Start();
        await container.StandardOutput!.ReadAtLeastAsync(6, Cancellation);

        Assert.True(container.Kill("SIGUSR1"));
        Assert.Equal(new ContainerExit(139, 11) { Reason = ExitReason.Signaled }, await container.WaitAsync(Cancellation));
    }

    [Fact]
    public async Task Command_that_handles_the_stop_signal_has_exited_with_what_it_returned()
    {
        await using Container container = root.Container.WithCommand("sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done").Start();
        await container.StandardOutput!.ReadAtLeastAsync(6, Cancellation);

        Assert.Equal(new ContainerExit(5, null) { Reason = ExitReason.Exited }, await container.StopAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    [Fact]
    public async Task Command_that_ignores_the_stop_signal_is_killed_by_its_caller()
    {
        await using Container container = root.Container.WithCommand("sleep", "1000").Start();

        Assert.Equal(ExitReason.Killed, (await container.StopAsync(TimeSpan.FromMilliseconds(20), Cancellation)).Reason);
    }

    [Fact]
    public async Task Disposed_container_was_killed_by_its_caller()
    {
        Container container = root.Container.WithCommand("sleep", "1000").Start();
        await container.DisposeAsync();

        Assert.Equal(ExitReason.Killed, container.Exit!.Reason);
    }

    [Fact]
    public async Task Command_that_has_ended_before_it_is_killed_keeps_its_reason()
    {
        await using Container container = root.Container.WithCommand("true").Start();
        Assert.Equal("", await container.ReadOutputAsync(Cancellation));
        SpinWait.SpinUntil(() => !container.Kill(), TimeSpan.FromSeconds(30)); // it lives on for a moment behind its last descriptor

        Assert.Contains((await container.WaitAsync(Cancellation)).Reason, (ExitReason[])[ExitReason.Exited, ExitReason.Killed]);
        Assert.Equal(container.Exit!.Signal is null, container.Exit.Reason == ExitReason.Exited);
    }

    [Fact]
    public async Task Cpu_time_is_that_of_the_command_and_of_the_children_it_waited_for()
    {
        ContainerExit exit = await Exit("for n in 1 2; do sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; done");

        Assert.NotNull(exit.Usage);
        Assert.InRange(exit.Usage.CpuTime, TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(60));
        Assert.Equal(exit.Usage.CpuTime, exit.Usage.UserTime + exit.Usage.SystemTime);
    }

    [Fact]
    public async Task Peak_of_memory_is_not_that_of_the_host_process()
    {
        // A child of ours begins with our own peak (ru_maxrss): small ones cannot be told, large ones can.
        Assert.Null((await Exit("true")).Usage!.PeakMemoryBytes);

        using System.Diagnostics.Process self = System.Diagnostics.Process.GetCurrentProcess();
        long mebibytes = (self.PeakWorkingSet64 >> 20) + 100;
        ContainerExit large = await Exit($"dd if=/dev/zero of=/dev/null bs={mebibytes}M count=1");
        Assert.InRange(large.Usage!.PeakMemoryBytes!.Value, mebibytes << 20, (mebibytes + 50) << 20);
    }

    [Fact]
    public void Ends_are_equal_when_reasons_are_whatever_was_used()
    {
        ContainerExit one = new(0, null) { Usage = new ResourceUsage(TimeSpan.FromSeconds(1), default, 5) };

        Assert.Equal(new ContainerExit(0, null), one);
        Assert.Equal(new ContainerExit(0, null).GetHashCode(), one.GetHashCode());
        Assert.NotEqual(new ContainerExit(137, 9), new ContainerExit(137, 9) { Reason = ExitReason.Killed });
        Assert.Equal("ended by SIGKILL: its time was over", new ContainerExit(137, 9) { Reason = ExitReason.WallTime }.ToString());
    }

    [Theory]
    [InlineData("12 (sleep) S 1 12 12 0 -1 4194304 10 0 0 0 0 0 0 0 20 0 1 0 5 1000 10 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0", false)]
    [InlineData("12 (sleep) Z 1 12 12 0 -1 4194304 10 0 0 0 0 0 0 0 20 0 1 0 5 1000 10 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0", true)]
    [InlineData("12 (sleep) R 1 12 12 0 -1 4194308 10 0 0 0 0 0 0 0 20 0 1 0 5 1000 10 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0", true)]
    [InlineData("12 (sleep) R 1 12 12 0 -1 4194304 10 0 0 0 0 0 0 0 20 0 1 0 5 1000 10 18446744073709551615 1 1 0 0 0 256 0 0 0 0 0 0 17 0 0 0", true)]
    [InlineData("12 (a) Z 4) S 1 12 12 0 -1 4194304 10 0 0 0 0 0 0 0 20 0 1 0 5 1000 10 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0", false)] // it may name itself as it likes
    [InlineData("", false)]
    public void Process_on_its_way_out_is_known(string stat, bool dying)
        => Assert.Equal(dying, DyingProcess.Is(Encoding.ASCII.GetBytes(stat)));

    private async Task<ContainerExit> Exit(string script)
        => (await root.Container.WithCommand("sh", "-c", script).RunAsync(cancellationToken: Cancellation)).Exit;
}
