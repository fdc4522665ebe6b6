using System.Text;
using Xunit;

namespace Containers.Tests.Commands;

/// <summary>A terminal of the container's own.</summary>
[Trait("vm", "yes")]
public sealed class TerminalTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    // The host of an ordinary user has users of its own in any case.
    public static TheoryData<string> Kinds => Environment.UserName == "root"
        ? ["first", "first with init", "exec", "worker", "worker exec", "users", "users exec"]
        : ["first", "first with init", "exec", "worker", "worker exec"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Streams_are_a_terminal_of_the_containers_devpts(string kind)
    {
        string output = await Run(kind, "tty; tty < /dev/tty; stty size; stat -c %U /dev/pts/0 > /dev/null; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; for f in 0 1 2; do readlink /proc/$$/fd/$f; done | grep -c pts; echo $TERM; exit 4");
        string[] lines = output.Split("\r\n");
        Assert.StartsWith("/dev/pts/", lines[0], StringComparison.Ordinal);
        Assert.Equal(["/dev/tty", "33 111", "all", "3", "xterm", ""], lines[1..]);
    }

    [Fact]
    public async Task Console_is_the_same_terminal()
        => Assert.Equal("hello\r\n5\r\n", await Run("first", "echo hello > /dev/console; stat -L -c %t /dev/pts/0 > /tmp/a; stat -c %t /dev/console > /tmp/b; cmp /tmp/a /tmp/b && ls /dev/pts | grep -c . > /tmp/c; echo 5"));

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Control_C_interrupts(string kind)
    {
        await using Session session = await Session.StartAsync(root, kind, "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.02; done");
        await session.ExpectAsync("ready");
        await session.Command.WriteInputAsync("\x03", TestContext.Current.CancellationToken);
        await session.ExpectAsync("interrupted");
        Assert.Equal(9, (await session.Command.WaitAsync(TestContext.Current.CancellationToken)).ExitCode);
    }

    [Fact]
    public async Task What_is_typed_is_echoed_and_read_by_lines()
    {
        await using Session session = await Session.StartAsync(root, "first", "read a; echo \"got $a\"; read b || echo end");
        await session.Command.WriteInputAsync("helo\x7flo\n", TestContext.Current.CancellationToken);
        await session.ExpectAsync("got hello");
        session.Command.CompleteInput();
        await session.ExpectAsync("end");
        Assert.True((await session.Command.WaitAsync(TestContext.Current.CancellationToken)).IsSuccess);
    }

    [Theory]
    [InlineData("first")]
    [InlineData("first with init")]
    [InlineData("exec")]
    public async Task Resizing_is_told_to_the_command(string kind)
    {
        await using Session session = await Session.StartAsync(root, kind, "trap 'stty size' WINCH; echo ready; while :; do sleep 0.02; done");
        await session.ExpectAsync("ready");
        session.Command.Terminal!.Resize(101, 52);
        await session.ExpectAsync("52 101");
        Assert.Equal(new TerminalSize(101, 52), session.Command.Terminal!.Size);
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Command.Terminal!.Resize(0, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => root.Container.WithTerminal(80, 65536));
    }

    [Fact]
    public async Task Input_for_a_command_that_runs_to_its_end_ends()
    {
        ContainerResult result = await root.Container.WithTerminal().WithCommand("sh", "-c", "stty -echo; cat").RunAsync("one\ntwo", TestContext.Current.CancellationToken);
        Assert.Contains("two", result.Output, StringComparison.Ordinal);
        Assert.Equal("", result.Error);
        Assert.Equal(0, result.ExitCode);
    }

    [Fact]
    public async Task Output_limit_holds_for_it()
    {
        ContainerResult result = await root.Container.WithTerminal().WithOutputLimit(1000).WithCommand("sh", "-c", "while :; do echo again; done").RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(ExitReason.OutputLimit, result.Reason);
        Assert.Equal(1000, Encoding.UTF8.GetByteCount(result.Output));
    }

    [Fact]
    public async Task Typing_for_others_is_refused()
    {
        // 0x5412: TIOCSTI. Programs have pushed what their caller's shell then read: setsid and the filter stand against it.
        Requires.Tools("gcc");
        string probe = root["tiocsti"];
        Tool.Bash($"printf '#include <sys/ioctl.h>\\n#include <errno.h>\\n#include <stdio.h>\\nint main(void) {{ char c = 120; printf(\"%%d\\\\n\", ioctl(0, 0x5412, &c) ? errno : 0); return 0; }}' > {probe}.c; gcc -static -o {root.Path}/bin/tiocsti {probe}.c");
        Assert.Equal("1\r\n", await Run("first", "exec tiocsti")); // EPERM
        Assert.Equal("1\r\n", await Run("exec", "exec tiocsti"));
    }

    [Fact]
    public void It_excludes_other_streams()
    {
        ContainerException error = Assert.Throws<ContainerException>(() => root.Container.WithTerminal().WithStandardStreams(StandardStream.Null, StandardStream.Pipe, StandardStream.Pipe).WithCommand("true").Start());
        Assert.Contains("terminal", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_one_there_is_none()
        => Assert.Equal("not a tty\nno\n", await root.Sh("tty; (: < /dev/tty) 2> /dev/null && echo yes || echo no"));

    [Fact]
    public async Task Many_at_once_have_one_each()
    {
        await using Container container = await root.Container.WithCommand("sleep", "1000").StartAsync(TestContext.Current.CancellationToken);
        string[] names = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ =>
        {
            await using ContainerExec exec = await container.ExecAsync(["sh", "-c", "tty; read line"], new ExecOptions { Terminal = new TerminalSize(80, 24) }, TestContext.Current.CancellationToken);
            await foreach (string line in exec.ReadOutputLinesAsync(TestContext.Current.CancellationToken))
            {
                return line;
            }

            throw new EndOfStreamException();
        }));
        Assert.All(names, name => Assert.StartsWith("/dev/pts/", name, StringComparison.Ordinal));
    }

    [Fact]
    public void Console_of_this_process_is_connected()
    {
        // script(1) is the console here: it gives the host process a terminal, types for it and shows what comes.
        Requires.Tools("script", "stty");
        (int code, string output, string error) = Tool.Try("bash", "-c",
            $"""(while ! grep -qs ready {root["typed"]}; do :; done; printf 'echo $((40+2))\n'; while ! grep -q 42 {root["typed"]}; do :; done; printf '\003'; printf 'exit 6\n') | script -qefc 'stty rows 21 cols 77; exec dotnet {Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll")} attach {root.Path} {root.Store} sh -c "stty size; trap \"echo interrupted\" INT; echo ready; exec sh -i"' {root["typed"]}""");
        Assert.Contains("21 77", output, StringComparison.Ordinal);
        Assert.Contains("42", output, StringComparison.Ordinal);
        Assert.Contains("exited with 6", output, StringComparison.Ordinal);
        Assert.Equal((6, ""), (code, error));
    }

    private async Task<string> Run(string kind, string script)
    {
        await using Session session = await Session.StartAsync(root, kind, script);
        return await session.Command.ReadOutputAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>A script at a terminal of 111 columns and 33 rows.</summary>
    private sealed class Session(Container container, CommandStreams command) : IAsyncDisposable
    {
        private readonly StringBuilder _seen = new();

        public CommandStreams Command => command;

        public static async Task<Session> StartAsync(BusyboxRoot root, string kind, string script)
        {
            ContainerBuilder builder = root.Container;
            builder = kind.Contains("init", StringComparison.Ordinal) ? builder.WithInit() : builder;
            builder = kind.Contains("worker", StringComparison.Ordinal) ? builder.WithUser("worker") : builder;
            builder = kind.Contains("users", StringComparison.Ordinal) ? builder.WithUserNs(new IdMap(0, 300000, 65536)) : builder;
            string[] line = ["sh", "-c", script];
            if (!kind.Contains("exec", StringComparison.Ordinal))
            {
                Container one = await builder.WithTerminal(111, 33).WithCommand(line).StartAsync(TestContext.Current.CancellationToken);
                return new Session(one, one);
            }

            Container container = await builder.WithCommand("sleep", "1000").StartAsync(TestContext.Current.CancellationToken);
            return new Session(container, await container.ExecAsync(line, new ExecOptions { Terminal = new TerminalSize(111, 33) }, TestContext.Current.CancellationToken));
        }

        public async Task ExpectAsync(string text)
        {
            while (!_seen.ToString().Contains(text, StringComparison.Ordinal))
            {
                System.IO.Pipelines.ReadResult read = await command.StandardOutput!.ReadAsync(TestContext.Current.CancellationToken);
                foreach (ReadOnlyMemory<byte> segment in read.Buffer)
                {
                    _seen.Append(Encoding.UTF8.GetString(segment.Span));
                }

                command.StandardOutput.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted && !_seen.ToString().Contains(text, StringComparison.Ordinal))
                {
                    Assert.Fail($"\"{text}\" did not come, but: {_seen}");
                }
            }
        }

        public ValueTask DisposeAsync() => container.DisposeAsync();
    }
}
