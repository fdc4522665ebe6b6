using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Xunit;

namespace Containers.Tests.Running;

/// <summary>A live container: its streams, its end, its disposal.</summary>
[Trait("vm", "yes")]
public sealed class ProcessTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_line_of_the_readme_works()
    {
        await using Container container = Container.FromImage("rootfs:" + root.Path).WithStore(root.Store).WithPidNs().WithNet(Net.None).WithCommand("echo", "hello").Start();

        Assert.Equal("hello\n", await container.ReadOutputAsync(Cancellation));
        Assert.Equal(new ContainerExit(0, null), await container.WaitAsync(Cancellation));
    }

    [Fact]
    public async Task Input_goes_in_and_output_comes_out()
    {
        ContainerResult result = await root.Container.WithCommand("sh", "-c", "tr a-z A-Z; echo problem >&2; exit 3").RunAsync("some input", Cancellation);

        Assert.Equal(("SOME INPUT", "problem\n", 3), (result.Output, result.Error, result.ExitCode));
    }

    [Fact]
    public async Task Large_output_and_input_pass_at_the_same_time()
    {
        string input = new('x', 3_000_000);

        Assert.Equal(input, (await root.Container.WithCommand("cat").RunAsync(input, Cancellation)).Output);
    }

    [Fact]
    public async Task Lines_come_as_they_are_written()
    {
        await using Container container = root.Container.WithCommand("sh", "-c", "echo one; read answer; echo got $answer").Start();
        List<string> lines = [];
        await foreach (string line in container.ReadOutputLinesAsync(Cancellation))
        {
            lines.Add(line);
            if (lines.Count == 1)
            {
                await container.WriteInputAsync("yes\n", Cancellation);
            }
        }

        Assert.Equal(["one", "got yes"], lines);
    }

    [Fact]
    public async Task Pipes_are_pipelines()
    {
        await using Container container = root.Container.WithCommand("cat").Start();
        await container.StandardInput!.WriteAsync(Encoding.UTF8.GetBytes("bytes"), Cancellation);
        await container.StandardInput.CompleteAsync();
        ReadResult read = await container.StandardOutput!.ReadAtLeastAsync(5, Cancellation);

        Assert.Equal("bytes", Encoding.UTF8.GetString(read.Buffer.ToArray()));
        container.StandardOutput.AdvanceTo(read.Buffer.End);
    }

    [Fact]
    public async Task Command_ignores_no_signal_that_its_host_ignores()
    {
        // .NET ignores SIGPIPE: the first half of a pipeline would not end when the second one does.
        ContainerResult result = await root.Container.WithCommand("grep", "SigIgn", "/proc/self/status").RunAsync(cancellationToken: TestContext.Current.CancellationToken); // a shell ignores SIGQUIT itself
        Assert.Equal("SigIgn:\t0000000000000000\n", result.Output);
        Assert.Equal("1\n", await root.Sh("seq 1 1000000 | head -n 1"));
    }

    [Fact]
    public async Task Signal_that_ends_the_command_is_told()
    {
        await using Container container = root.Container.WithCommand("sleep", "1000").Start();

        Assert.Null(container.Exit);
        Assert.True(container.Kill());
        Assert.Equal(new ContainerExit(137, 9) { Reason = ExitReason.Killed }, await container.WaitAsync(Cancellation));
        Assert.Equal(new ContainerExit(137, 9) { Reason = ExitReason.Killed }, container.Exit);
        Assert.False(container.Kill());
        Assert.Equal("ended by SIGKILL: killed by its caller", container.Exit!.ToString());
    }

    [Fact]
    public async Task Stop_begins_with_the_stop_signal()
    {
        await using Container container = root.Container.WithStopSignal("SIGUSR1").WithCommand("sh", "-c", "trap 'echo bye; exit 5' USR1; echo ready; while :; do sleep 0.01; done").Start();
        await foreach (string line in container.ReadOutputLinesAsync(Cancellation))
        {
            if (line == "ready")
            {
                Assert.Equal(new ContainerExit(5, null), await container.StopAsync(TimeSpan.FromSeconds(30), Cancellation));
            }
            else
            {
                Assert.Equal("bye", line);
            }
        }
    }

    [Fact]
    public async Task Stop_kills_what_does_not_listen()
    {
        await using Container container = root.Container.WithCommand("sleep", "1000").Start(); // as process 1 it has no handler for SIGTERM

        Assert.Equal(new ContainerExit(137, 9) { Reason = ExitReason.Killed }, await container.StopAsync(TimeSpan.FromMilliseconds(50), Cancellation));
    }

    [Fact]
    public async Task Dispose_ends_the_container_and_all_its_processes()
    {
        Container container = root.Container.WithCommand("sh", "-c", "sleep 98765 & sleep 98765 & echo ready; wait").Start();
        await container.StandardOutput!.ReadAtLeastAsync(6, Cancellation);
        Assert.Equal(0, Tool.Try("pgrep", "-f", "98765").ExitCode);

        await container.DisposeAsync();

        Assert.Equal(1, Tool.Try("pgrep", "-f", "98765").ExitCode);
        Assert.Empty(root.Leftovers());
        await container.DisposeAsync(); // again does nothing
    }

    [Fact]
    public void Wait_blocks_this_thread_and_needs_no_other()
    {
        using Container container = root.Container.WithCommand("true").Start();

        Assert.True(container.Wait().IsSuccess);
        Assert.True(container.Wait().IsSuccess);
    }

    [Fact]
    public async Task Canceling_a_wait_does_not_end_the_container()
    {
        await using Container container = root.Container.WithCommand("cat").Start();
        using CancellationTokenSource cancel = new();
        Task wait = container.WaitAsync(cancel.Token);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait);
        Assert.Null(container.Exit);
    }

    [Fact]
    public async Task Canceling_a_run_kills_the_command_and_leaves_nothing()
    {
        using CancellationTokenSource cancel = new();
        Task<ContainerResult> run = root.Container.WithCommand("sleep", "1000").RunAsync(cancellationToken: cancel.Token);
        SpinWait.SpinUntil(() => root.Leftovers().Any(), TimeSpan.FromSeconds(30));
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Empty(root.Leftovers());
    }

    [Fact]
    public async Task Streams_can_be_null()
    {
        using Container container = root.Container.WithStandardStreams(StandardStream.Null, StandardStream.Null, StandardStream.Pipe)
            .WithCommand("sh", "-c", "cat; in=$(readlink /proc/1/fd/0); out=$(readlink /proc/1/fd/1); echo $in $out >&2").Start();

        Assert.Null(container.StandardInput);
        Assert.Null(container.StandardOutput);
        Assert.Equal("/dev/null /dev/null\n", await container.ReadErrorAsync(Cancellation));
        await Assert.ThrowsAsync<InvalidOperationException>(() => container.ReadOutputAsync(Cancellation));
    }

    [Fact]
    public async Task Id_in_use_is_refused_and_can_be_used_again_afterwards()
    {
        await using (root.Container.WithId("only-one").WithCommand("cat").Start())
        {
            Assert.Contains("\"only-one\" is running", Assert.Throws<ContainerException>(() => root.Container.WithId("only-one").WithCommand("cat").Start()).Message);
        }

        await using Container again = root.Container.WithId("only-one").WithCommand("cat").Start();
        Assert.Equal("only-one", again.Id);
    }

    [Fact]
    public void Command_that_is_not_there_is_127()
    {
        CommandNotFoundException error = Assert.Throws<CommandNotFoundException>(() => root.Container.WithCommand("no-such-command").Start());

        Assert.Equal((127, "no-such-command", Errno.ENOENT), (error.ExitCode, error.Command, error.Errno));
        Assert.Equal("execute \"no-such-command\": ENOENT (No such file or directory). It is in no directory of PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin.", error.Message);
        Assert.Empty(root.Leftovers());
    }

    [Theory]
    [InlineData("printf x > $root/tmp/text; chmod 644 $root/tmp/text", "/tmp/text", Errno.EACCES)]
    [InlineData("printf 'no program' > $root/tmp/data; chmod 755 $root/tmp/data", "/tmp/data", Errno.ENOEXEC)]
    [InlineData(":", "/etc", Errno.EACCES)]
    public void Command_that_cannot_be_executed_is_126(string prepare, string command, Errno errno)
    {
        Tool.Bash($"root={root.Path}; {prepare}");

        CommandNotExecutableException error = Assert.Throws<CommandNotExecutableException>(() => root.Container.WithCommand(command).Start());

        Assert.Equal((126, command, errno), (error.ExitCode, error.Command, error.Errno));
    }

    [Fact]
    public void Script_whose_interpreter_is_missing_says_so()
    {
        Tool.Bash($"printf '#!/no/such/interpreter\\n' > {root.Path}/tmp/script; chmod 755 {root.Path}/tmp/script");

        Assert.Contains("interpreter", Assert.Throws<CommandNotFoundException>(() => root.Container.WithCommand("/tmp/script").Start()).Hint);
    }

    [Fact]
    public void Working_directory_that_is_a_file_is_refused()
    {
        LaunchException error = Assert.Throws<LaunchException>(() => root.Container.WithWorkingDirectory("/etc/passwd").WithCommand("true").Start());

        Assert.Equal("change to the working directory \"/etc/passwd\"", error.Step);
        Assert.Equal(Errno.ENOTDIR, error.Errno);
        Assert.Contains("is a file", error.Hint);
    }

    [Fact]
    public void Bad_input_is_refused_by_what_takes_it()
    {
        Assert.Throws<ArgumentException>(() => root.Container.WithEnvironment("A=B", "x"));
        Assert.Throws<ArgumentException>(() => root.Container.WithBind("/tmp", "relative"));
        Assert.Throws<ArgumentException>(() => root.Container.WithWorkingDirectory("relative"));
        Assert.Throws<ArgumentException>(() => root.Container.WithHostname(new string('x', 65)));
        Assert.Throws<ArgumentException>(() => root.Container.WithId("../escape"));
        Assert.Throws<ArgumentException>(() => root.Container.WithCommand("a\0b").Start());
        Assert.Throws<ContainerException>(() => root.Container.WithStopSignal("SIGNONSENSE"));
        Assert.Throws<ContainerException>(() => root.Container.Start()); // a directory names no command
        Assert.Contains("nothing at the source", Assert.Throws<ContainerException>(() => root.Container.WithBind("/no/such/source", "/x").WithCommand("true").Start()).Message);
        Assert.Contains("does not exist", Assert.Throws<ContainerException>(() => Container.FromRootfs("/no/such/root").WithStore(root.Store).WithCommand("true").Start()).Message);
        Assert.Contains("shares the host's UTS namespace", Assert.Throws<ContainerException>(() => root.Container.WithHostUtsNs().WithHostname("x").WithCommand("true").Start()).Message);
        Assert.Empty(root.Leftovers());
    }

    [Fact]
    public void Stop_signal_of_an_image_that_is_none_is_refused_before_anything_runs()
    {
        new ImageBuilder().AddProgram("busybox").AddSymbolicLink("/bin/true", "busybox").WithCommand("sleep", "87655").WithStopSignal("SIGTERM").Save(root["odd.tar"], "odd:1");
        Image image = new ImageStore(root.Store).Load("docker-archive:" + root["odd.tar"], Cancellation);

        Assert.Contains("SIGODD", Assert.Throws<ContainerException>(() => Container.FromImage(image).WithSpec(Container.FromImage(image).Spec with { StopSignal = "SIGODD" }).WithStore(root.Store).Start()).Message);
        Assert.Empty(root.Leftovers());
        Assert.Equal(1, Tool.Try("pgrep", "-f", "^sleep 87655$").ExitCode);
    }

    [Fact]
    public void Builder_is_immutable()
    {
        ContainerBuilder first = root.Container.WithCommand("true");
        ContainerBuilder second = first.WithEnvironment("A", "1").WithHostPidNs().WithTmpfs("/x");

        Assert.Empty(first.Spec.Environment);
        Assert.Empty(first.Spec.Mounts);
        Assert.Equal(ContainerNamespaces.Default, first.Spec.Namespaces);
        Assert.Single(second.Spec.Mounts);
    }
}
