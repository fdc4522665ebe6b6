using System.Collections.Immutable;
using Containers.Launch;
using Containers.Tests.Resources;
using Xunit;

namespace Containers.Tests.Exec;

/// <summary>Further processes in a running container.</summary>
[Trait("vm", "yes")]
public sealed class ExecTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("vm", "brief")]
    public async Task Process_that_joins_is_in_the_containers_namespaces_and_root()
    {
        const string Look = "for n in mnt pid uts ipc net cgroup user time; do readlink /proc/self/ns/$n; done; hostname; cat /marker; cat /proc/self/cgroup; pwd";
        await using Container container = root.Container.WithHostname("inner").WithWorkingDirectory("/var").WithCommand("sh", "-c", $"echo mine > /marker; {Look}; echo end; cat").Start();
        List<string> first = [];
        await foreach (string line in container.ReadOutputLinesAsync(Cancellation))
        {
            if (line == "end")
            {
                break;
            }

            first.Add(line);
        }

        ContainerResult result = await container.RunAsync("sh", "-c", Look);

        Assert.Equal(first, result.Output.TrimEnd('\n').Split('\n'));
        Assert.Equal("inner", first[8]);
    }

    [Fact]
    [Trait("vm", "brief")]
    public async Task Process_that_joins_is_under_the_first_ones_policy()
    {
        const string Look = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status; grep 'open files' /proc/self/limits; umask";
        await using Container container = root.Container.WithRlimit(RlimitResource.OpenFiles, 77).WithUmask(0x3f).WithCapabilities(Capability.SysNice).WithoutCapabilities(Capability.Chown)
            .WithCommand("sh", "-c", $"{Look}; echo end; cat").Start();
        List<string> first = [];
        await foreach (string line in container.ReadOutputLinesAsync(Cancellation))
        {
            if (line == "end")
            {
                break;
            }

            first.Add(line);
        }

        Assert.Equal(first, (await container.RunAsync("sh", "-c", Look)).Output.TrimEnd('\n').Split('\n'));
        Assert.Contains("Seccomp:\t2", first);
    }

    [Fact]
    public async Task Process_that_joins_has_its_own_streams_user_directory_and_environment()
    {
        await using Container container = root.Container.WithEnvironment("GIVEN", "one").WithEnvironment("OTHER", "two").WithCommand("cat").Start();

        ContainerResult result = await container.RunAsync(["sh", "-c", "cat; id -u; id -G; pwd; echo $GIVEN $OTHER $HOME; echo oops >&2; exit 7"],
            new ExecOptions { User = "worker", WorkingDirectory = "/made/for/it", Environment = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty.Add("GIVEN", "mine") }, "typed\n", Cancellation);

        Assert.Equal("typed\n1000\n1000 2000\n/made/for/it\nmine two /home/worker\n", result.Output);
        Assert.Equal("oops\n", result.Error);
        Assert.Equal(7, result.ExitCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("vm", "brief")]
    public async Task Process_that_joins_has_three_descriptors(bool older)
    {
        if (older)
        {
            ContainerLauncher.Features.Value = new KernelFeatures { CloseOnExecByRange = false }; // Linux 5.10
        }

        using FileStream open = File.OpenRead("/etc/passwd");
        await using Container container = root.Container.WithCommand("cat").Start();
        ContainerResult result = await container.RunAsync("sh", "-c", "cd /proc/self/fd; for f in *; do [ $f -le 2 ] || readlink $f; done");
        Assert.All(result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), target => Assert.Matches("^/proc/[0-9]+/fd$", target)); // the shell's own look at the directory
        Assert.Equal("/dev/null\n", (await container.RunAsync(["readlink", "/proc/self/fd/0"], new ExecOptions { StandardInput = StandardStream.Null }, null, Cancellation)).Output);
    }

    [Theory]
    [InlineData("/proc/self/fd/3")]
    [InlineData("/proc/self/fd/4")]
    [InlineData("/proc/self/fd/9")]
    [InlineData("/proc/self/fd/20")]
    [Trait("vm", "brief")]
    public async Task No_descriptor_of_the_host_can_be_the_working_directory(string directory)
    {
        await using Container container = root.Container.WithCommand("cat").Start();
        try
        {
            ContainerResult result = await container.RunAsync(["sh", "-c", "pwd -P; ls ../.. | head -50"], new ExecOptions { WorkingDirectory = directory }, null, Cancellation);
            Assert.Fail($"it ran in {result.Output}");
        }
        catch (LaunchException)
        {
        }
    }

    [Fact]
    public async Task Many_join_at_once()
    {
        await using Container container = root.Container.WithCommand("cat").Start();
        string[] outputs = await Task.WhenAll(Enumerable.Range(0, 40).Select(async i => (await container.RunAsync("sh", "-c", $"echo {i}")).Output));
        Assert.Equal(Enumerable.Range(0, 40).Select(i => $"{i}\n"), outputs);
        Assert.Null(container.Exit);
    }

    [Fact]
    public async Task Command_that_cannot_be_executed_is_told_by_its_type()
    {
        const string Count = "set -- /proc/[0-9]*; echo $#";
        await using Container container = root.Container.WithCommand("cat").Start();
        string before = (await container.RunAsync("sh", "-c", Count)).Output;

        Assert.Equal(127, (await Assert.ThrowsAsync<CommandNotFoundException>(() => container.ExecAsync("no-such-command"))).ExitCode);
        Assert.Equal(126, (await Assert.ThrowsAsync<CommandNotExecutableException>(() => container.ExecAsync("/etc/passwd"))).ExitCode);
        await Assert.ThrowsAsync<ArgumentException>(() => container.ExecAsync());
        await Assert.ThrowsAsync<UserNotFoundException>(() => container.ExecAsync(["true"], new ExecOptions { User = "nobodyhere" }, Cancellation));
        Assert.Equal(before, (await container.RunAsync("sh", "-c", Count)).Output); // nothing is left behind
    }

    [Fact]
    [Trait("vm", "brief")]
    public async Task Container_that_has_ended_or_is_paused_can_be_joined_by_nobody()
    {
        CgroupTest.Need();
        await using Container container = root.Container.WithPidsLimit(50).WithCommand("cat").Start();
        await container.PauseAsync(Cancellation);
        Assert.Contains("paused", (await Assert.ThrowsAsync<ContainerException>(() => container.ExecAsync("true"))).Message);
        await container.ResumeAsync(Cancellation);
        Assert.True((await container.RunAsync("true")).Exit.IsSuccess);
        container.Kill();
        container.Wait();

        Assert.Contains("it has ended", (await Assert.ThrowsAsync<ContainerException>(() => container.ExecAsync("true"))).Message);
    }

    [Fact]
    [Trait("vm", "brief")]
    public async Task Process_that_joined_ends_with_the_container()
    {
        ContainerExec exec;
        await using (Container container = root.Container.WithCommand("cat").Start())
        {
            exec = await container.ExecAsync("sleep", "1000");
            Assert.Null(exec.Exit);
        }

        Assert.Equal(9, exec.Exit!.Signal);
        Assert.False(File.Exists($"/proc/{exec.Pid}/status"));
    }

    [Fact]
    [Trait("vm", "brief")]
    public async Task Process_that_joined_is_in_the_containers_cgroup()
    {
        CgroupTest.Need();
        await using Container container = root.Container.WithPidsLimit(20).WithMemoryLimit(64 << 20).WithCommand("cat").Start();
        await using ContainerExec exec = await container.ExecAsync("sleep", "1000");

        Assert.Equal(File.ReadAllText($"/proc/{container.Pid}/cgroup"), File.ReadAllText($"/proc/{exec.Pid}/cgroup"));
        Assert.Equal(2, container.GetStatistics().Pids!.Current);
    }

    [Fact]
    public async Task Container_in_the_hosts_mount_namespace_can_be_joined()
    {
        Requires.Root();
        await using Container container = root.Container.WithHostMountNs().WithCommand("cat").Start();
        Assert.Equal("original\n", (await container.RunAsync("cat", "/etc/motd")).Output);
    }

    [Fact]
    public async Task Step_that_fails_is_told_and_leaves_nothing()
    {
        CgroupTest.Need();
        await using Container container = root.Container.WithMemoryLimit(64 << 20).WithCommand("cat").Start();
        int before = Processes(container);
        int steps = 0, failed = 0;
        for (int step = 0; step == 0 || step < steps; step++)
        {
            ContainerJoiner.Intercept.Value = plan =>
            {
                steps = plan.Outside.Program.Count + plan.Inside.Program.Count;
                bool outside = step < plan.Outside.Program.Count;
                (outside ? plan.Outside : plan.Inside).Program.Sabotage(outside ? step : step - plan.Outside.Program.Count);
            };
            try
            {
                using ContainerExec exec = container.Exec(["true"], new ExecOptions(), Cancellation);
                exec.Wait();
            }
            catch (LaunchException)
            {
                failed++;
            }
            finally
            {
                ContainerJoiner.Intercept.Value = null;
            }

            Assert.Equal(before, Processes(container));
        }

        Assert.InRange(failed, steps - 30, steps);
        Assert.True((await container.RunAsync("true")).Exit.IsSuccess);
    }

    [Fact]
    public async Task Processes_that_join_one_after_another_share_nothing_of_what_they_were_told()
    {
        await using Container container = root.Container.WithCommand("cat").Start();
        string[] words = [new string('x', 100_000), "short", "", new string('y', 50_000), "z"];
        foreach (string word in words)
        {
            using ContainerExec exec = container.Exec(["sh", "-c", "printf %s \"$1\"; env | grep -c ^WORD=", "sh", word], new ExecOptions { Environment = word.Length == 0 ? [] : ImmutableDictionary<string, string>.Empty.Add("WORD", word) }, Cancellation);
            Assert.Equal($"{word}{(word.Length == 0 ? 0 : 1)}\n", await exec.ReadOutputAsync(Cancellation));
            exec.Wait();
        }

        Assert.Throws<CommandNotFoundException>(() => container.Exec("none-of-that-name"));
        ContainerResult[] together = await Task.WhenAll(words.Select(word => container.RunAsync(["printf", "%s", word], cancellationToken: Cancellation)));
        Assert.Equal(words, together.Select(result => result.Output));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Hostile_container_gets_nothing_of_those_that_join(bool mayTrace)
    {
        Requires.Tools("gcc");
        if (!File.Exists(root.Path + "/bin/spy"))
        {
            Tool.Run("gcc", "-O1", "-D_GNU_SOURCE", "-static", "-o", root.Path + "/bin/spy", Path.Combine(AppContext.BaseDirectory, "Exec/spy.c"));
        }

        ContainerBuilder builder = mayTrace ? root.Container.WithCapabilities(Capability.SysPtrace) : root.Container;
        await using Container container = builder.WithCommand("spy").Start();
        await using IAsyncEnumerator<string> lines = container.ReadOutputLinesAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await lines.MoveNextAsync());
        Task<List<string>> reading = Read(); // all the while: one that may trace has much to tell, and must not wait for a reader
        for (int i = 0; i < 60; i++)
        {
            await container.RunAsync("true");
        }

        await container.WriteInputAsync("stop\n", Cancellation);
        List<string> got = await reading;

        Assert.Equal("seen some", got[^1]);
        if (!mayTrace) // with CAP_SYS_PTRACE it may look at the joiner, which has nothing of the host's
        {
            Assert.Single(got);
        }

        Assert.DoesNotContain(got, line => line.StartsWith("got exe", StringComparison.Ordinal));

        async Task<List<string>> Read()
        {
            List<string> all = [];
            while (await lines.MoveNextAsync())
            {
                all.Add(lines.Current);
            }

            return all;
        }
    }

    private static int Processes(Container container) => File.ReadAllLines($"/sys/fs/cgroup{(Directory.Exists("/sys/fs/cgroup/memory") ? "/memory" : "")}{MemoryGroup(container)}/cgroup.procs").Length;

    private static string MemoryGroup(Container container)
        => File.ReadLines($"/proc/{container.Pid}/cgroup").First(line => line.Contains(":memory:", StringComparison.Ordinal) || line.StartsWith("0::", StringComparison.Ordinal) && !Directory.Exists("/sys/fs/cgroup/memory")).Split(':')[2];
}
