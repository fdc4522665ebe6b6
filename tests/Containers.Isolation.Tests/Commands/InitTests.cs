using System.Diagnostics;
using Xunit;

namespace Containers.Tests.Commands;

/// <summary>The library's init as process 1.</summary>
[Trait("vm", "yes")]
public sealed class InitTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Fact]
    public async Task Command_is_process_2_and_the_init_process_1()
    {
        Assert.Equal("2\ncontainers-init\n2 2\n", await root.Sh("echo $$; tr '\\0' '\\n' < /proc/1/cmdline | head -n 1; awk '{print $5, $6}' /proc/self/stat | head -n 1 | sed 's/^[0-9]* /2 /'", With));
        Assert.Equal("1\n", await root.Sh("echo $$"));
    }

    [Theory]
    [InlineData("exit 0", 0, null)]
    [InlineData("exit 7", 7, null)]
    [InlineData("exit 255", 255, null)]
    [InlineData("exit 137", 137, null)]
    [InlineData("kill -TERM $$", 143, 15)]
    [InlineData("kill -KILL $$", 137, 9)]
    [InlineData("kill -SEGV $$", 139, 11)]
    public async Task Status_is_the_commands(string script, int code, int? signal)
    {
        ContainerResult result = await Sh(script).RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(new ContainerExit(code, signal), result.Exit);
    }

    [Fact]
    public async Task Orphans_are_reaped()
    {
        // Each (sh -c ...) & leaves a process whose parent is gone. Without an init this shell would have to take their status itself.
        string left = await root.Sh("""
            for i in 1 2 3 4 5 6 7 8 9 10; do sh -c 'sh -c "exec true" & exit 0'; done
            while ps -o comm,stat | grep -q '^true'; do :; done
            grep -l '^State:.*Z' /proc/[0-9]*/status | wc -l
            """, With);
        Assert.Equal("0\n", left);
    }

    [Fact]
    public async Task Signals_reach_the_command()
    {
        await using Container container = await Sh("trap 'echo got term; exit 3' TERM; trap 'echo got usr1' USR1; echo ready; while :; do sleep 1000 & wait $!; done").StartAsync(TestContext.Current.CancellationToken);
        await using IAsyncEnumerator<string> lines = container.ReadOutputLinesAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.Equal("ready", await Next(lines));
        container.Kill("SIGUSR1");
        Assert.Equal("got usr1", await Next(lines));
        container.Kill("SIGTERM");
        Assert.Equal("got term", await Next(lines));
        Assert.Equal(new ContainerExit(3, null), await container.WaitAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Command_that_handles_no_signal_is_ended_by_one()
    {
        await using Container container = await root.Container.WithInit().WithCommand("sleep", "1000").StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(new ContainerExit(143, 15), await container.StopAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_the_command_has_started_ends_with_it()
    {
        await using Container container = await Sh("(setsid sleep 98765 > /dev/null 2>&1 < /dev/null &); echo started; read line").StartAsync(TestContext.Current.CancellationToken);
        await using IAsyncEnumerator<string> lines = container.ReadOutputLinesAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.Equal("started", await Next(lines));
        container.CompleteInput();
        await container.WaitAsync(TestContext.Current.CancellationToken);
        Assert.DoesNotContain(Directory.EnumerateDirectories("/proc"), process => CommandLine(process) == "sleep\098765\0");
    }

    [Fact]
    public async Task Output_ends_when_the_command_closes_it()
    {
        await using Container container = await Sh("echo last; exec > /dev/null 2>&1; read line").StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal("last\n", await container.ReadOutputAsync(TestContext.Current.CancellationToken));
        Assert.Null(container.Exit);
    }

    [Fact]
    public void Command_that_is_not_there_or_no_program_is_told_as_ever()
    {
        Requires.Root();
        Assert.Throws<CommandNotFoundException>(() => root.Container.WithInit().WithCommand("no-such-program").Start());
        Assert.Throws<CommandNotExecutableException>(() => root.Container.WithInit().WithCommand("/etc/passwd").Start());
        Assert.Throws<CommandNotFoundException>(() => root.Container.WithInit().WithPidsLimit(20).WithCommand("no-such-program").Start());
    }

    [Fact]
    public async Task Init_is_under_the_same_policy()
    {
        string[] of = (await root.Sh("for p in 1 2; do grep -E 'Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups' /proc/$p/status | tr '\\n\\t' '  '; echo; done", container => With(container).WithUser("worker"))).Split('\n');
        Assert.Equal(of[0], of[1]);
        Assert.Contains("Seccomp: 2", of[0], StringComparison.Ordinal);
        Assert.Contains("Uid: 1000 1000 1000 1000", of[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("root")]
    [InlineData("worker")]
    public async Task Init_has_nothing_open_and_cannot_be_looked_into(string user)
    {
        ContainerResult result = await With(root.Container).WithUser(user)
            .WithCommand("sh", "-c", "ls /proc/1/fd | wc -l; cat /proc/1/environ; head -c 1 /proc/1/mem; cat /proc/1/maps; cat < /proc/1/exe > /dev/null; : > /proc/1/exe").RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("0\n", result.Output);
        string[] refused = ["/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/exe"];
        Assert.All(refused, path => Assert.Contains(path, result.Error, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("wait4")]
    [InlineData("rt_sigtimedwait")]
    [InlineData("clone")]
    public void Profile_that_does_not_let_it_work_is_named(string call)
    {
        ContainerException error = Assert.Throws<ContainerException>(() => Sh("true").WithSeccomp(SeccompProfile.Default.Deny(Errno.EPERM, call)).Start());
        Assert.Contains(call, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_works_with_all_that_waits_for_a_command()
    {
        Requires.Root();
        ContainerResult result = await Sh("head -c 200000000 /dev/zero | tail -c 190000000 > /dev/null; echo survived").WithMemoryLimit(32 << 20).WithSwapLimit(0).RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(result.Reason == ExitReason.OutOfMemory || result.Output == "survived\n", result.ToString());
        Assert.Equal(ExitReason.WallTime, (await Sh("sleep 1000").WithTimeout(TimeSpan.FromMilliseconds(50)).RunAsync(cancellationToken: TestContext.Current.CancellationToken)).Reason);
        await using Container container = await Sh("sleep 1000").StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal("ok\n", (await container.RunAsync("echo", "ok")).Output);
        Assert.True(container.Kill());
        Assert.Equal(ExitReason.Killed, (await container.WaitAsync(TestContext.Current.CancellationToken)).Reason);
    }

    [Fact]
    public async Task In_the_hosts_PID_namespace_it_reaps_too_and_takes_the_command_with_it()
    {
        await using Container container = await With(root.Container).WithHostPidNs().WithCommand("sh", "-c", "sh -c 'sh -c \"echo \\$PPID\" & exit 0' ; echo $$; exec sleep 1000").StartAsync(TestContext.Current.CancellationToken);
        await using IAsyncEnumerator<string> lines = container.ReadOutputLinesAsync(TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        string[] two = [await Next(lines), await Next(lines)];
        int command = two.Select(int.Parse).Single(pid => pid != container.Pid && Parent(pid) == container.Pid);
        container.Kill();
        await container.WaitAsync(TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{command}"), TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task With_users_of_its_own_it_is_the_same()
    {
        Requires.Root();
        Assert.Equal("2\n", await root.Sh("echo $$", container => With(container).WithUserNs(new IdMap(0, 300000, 65536))));
    }

    [Fact]
    public async Task Explain_and_the_timeline_tell_of_it()
    {
        Assert.Contains("make the command's process", Sh("true").Explain(ExplainStyle.SystemCalls), StringComparison.Ordinal);
        await using Container container = await Sh("true").StartAsync(TestContext.Current.CancellationToken);
        Assert.Contains(container.Timeline.Entries, entry => entry.Name == "make the command's process");
    }

    private static ContainerBuilder With(ContainerBuilder container) => container.WithInit();

    private static int Parent(int pid) => Directory.Exists($"/proc/{pid}") ? int.Parse(File.ReadAllText($"/proc/{pid}/stat").Split(')')[1].Split(' ')[2]) : 0;

    private static string CommandLine(string process)
    {
        try
        {
            return File.ReadAllText(process + "/cmdline");
        }
        catch (IOException)
        {
            return ""; // it has ended meanwhile, or is no process
        }
    }

    private static async Task<string> Next(IAsyncEnumerator<string> lines) => await lines.MoveNextAsync() ? lines.Current : throw new EndOfStreamException();

    private ContainerBuilder Sh(string script) => With(root.Container).WithCommand("sh", "-c", script);
}
