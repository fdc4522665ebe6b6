using Containers.Tests.Images;
using Containers.Tests.UserNamespaces;
using Xunit;

namespace Containers.Tests.Escape;

/// <summary>What one container leaves is seen by no other one, and no process of it is left.</summary>
[Trait("vm", "yes")]
public sealed class EarlierContainerTests : IClassFixture<BusyboxRoot>
{
    private static int s_names;

    private readonly BusyboxRoot _root;
    private readonly string _name = $"containers-tests-{Environment.ProcessId}-daemon-{Interlocked.Increment(ref s_names)}";

    public EarlierContainerTests(BusyboxRoot root)
    {
        _root = root;
        Requires.Root();
        Requires.Tools("gcc");
        if (!File.Exists(root.Path + "/bin/leave"))
        {
            AddProgram(root.Path);
            Tool.Bash($"mkdir {root.Path}/var/tmp; chmod 1777 {root.Path}/tmp {root.Path}/var/tmp");
        }
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false, null)]
    [InlineData(false, "worker")]
    [InlineData(true, null)]
    [InlineData(true, "worker")]
    public async Task Later_container_sees_nothing_of_an_earlier_one(bool mapped, string? user)
        => await LeaveAndLook(_root.Container, mapped, user);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Containers_of_one_image_see_nothing_of_each_other(bool mapped)
    {
        using TestDirectory directory = new();
        string image = "docker-archive:" + new HandMadeArchive(directory).AddLayer($"cp -a {_root.Path}/. .").Save();
        await LeaveAndLook(Container.FromImage(image).WithStore(directory["store"]), mapped, null);
    }

    [Fact]
    public async Task Container_sees_nothing_of_the_host()
    {
        string shared = $"/dev/shm/containers-tests-{Environment.ProcessId}";
        await File.WriteAllTextAsync(shared, "host's", Cancellation);
        try
        {
            AssertSeesNothing((await _root.Container.WithCommand("leave", "look").RunAsync(cancellationToken: Cancellation)).Output);
        }
        finally
        {
            File.Delete(shared);
        }
    }

    /// <summary>With calls for keys allowed. The keyring of a user is the kernel's for each user id, whatever the container: who is to have one of his own needs user ids of his own.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Keys_are_seen_by_no_other_container(bool mapped)
    {
        ContainerBuilder builder = _root.Container.WithSeccomp(SeccompProfile.Default.Allow("add_key", "request_key", "keyctl"));
        builder = mapped ? EscapeRuns.Mapped(builder) : builder;
        (Container earlier, List<string> left) = await Leave(builder);
        await using (earlier)
        {
            Assert.Contains("session keyring: left", left);
            Assert.Contains("session keyring: FOUND", (await earlier.RunAsync("sh", "-c", "leave leave > /dev/null; leave look")).Output); // the program finds what is there
            string[] seen = (await builder.WithCommand("leave", "look").RunAsync(cancellationToken: Cancellation)).Output.Split('\n');
            Assert.Contains("session keyring: nothing", seen);
            Assert.Contains("any keyring: nothing", seen);
            if (mapped)
            {
                Assert.Contains("user keyring: left", left);
                string[] other = (await _root.Container.WithSeccomp(SeccompProfile.Default.Allow("add_key", "request_key", "keyctl")).WithUserNs(new IdMap(0, 400000, 65536)).WithCopiedRoot()
                    .WithCommand("leave", "look").RunAsync(cancellationToken: Cancellation)).Output.Split('\n');
                Assert.Contains("user keyring: nothing", other);
            }
        }
    }

    [Theory]
    [InlineData("daemon", false)]
    [InlineData("daemon", true)]
    [InlineData("run", false)]
    [InlineData("run", true)]
    public async Task Daemon_is_gone_when_the_command_has_exited(string how, bool mapped)
    {
        ContainerBuilder builder = mapped ? EscapeRuns.Mapped(_root.Container) : _root.Container;
        await using Container container = builder.WithPidsLimit(50).WithCommand("sh", "-c", $"leave {how} {_name}; read line").Start();
        await Ready(container);
        AssertThere();

        container.CompleteInput();
        Assert.Equal(1, (await container.WaitAsync(Cancellation)).ExitCode); // of read

        AssertGone();
    }

    [Fact]
    public async Task Daemon_is_gone_for_one_who_held_on_to_it()
    {
        await using Container container = _root.Container.WithCommand("sh", "-c", $"leave daemon {_name}; read line").Start();
        await Ready(container);
        using Native.PidHandle daemon = new((int)Native.Kernel.Check(Native.Kernel.pidfd_open(Assert.Single(Daemons())), "open"));
        Assert.True(daemon.Signal(0));

        container.CompleteInput();
        await container.WaitAsync(Cancellation);

        Assert.False(daemon.Signal(0));
    }

    [Theory]
    [InlineData("daemon")]
    [InlineData("run")]
    public async Task Daemon_of_a_process_that_joined_stays_in_the_container_and_goes_with_it(string how)
    {
        await using (Container container = _root.Container.WithPidsLimit(50).WithCommand("sleep", "1000").Start())
        {
            Assert.Equal("ready\n", (await container.RunAsync("leave", how, _name)).Output);
            AssertThere();
            Assert.True(container.GetStatistics().Pids!.Current >= 2);
        }

        AssertGone();
    }

    [Theory]
    [InlineData("daemon")]
    [InlineData("run")]
    public async Task Daemon_goes_with_a_container_that_is_killed(string how)
    {
        await using Container container = _root.Container.WithPidsLimit(50).WithTimeout(TimeSpan.FromSeconds(5)).WithCommand("sh", "-c", $"leave {how} {_name}; sleep 1000").Start();
        await Ready(container);
        AssertThere();

        Assert.Equal(ExitReason.WallTime, (await container.WaitAsync(Cancellation)).Reason);

        AssertGone();
    }

    [Fact]
    public void Daemon_of_an_ordinary_user_s_container_is_gone_too()
    {
        using UserHost user = new();
        AddProgram(user.Root);

        Assert.Equal("ready\n1\n", user.Sh($"leave daemon {_name}; ps -o args | grep -c '[}}] {_name} wait$'", EscapeRuns.CopiedWord));

        AssertGone();
    }

    private static void AddProgram(string root)
        => Tool.Run("gcc", "-O1", "-D_GNU_SOURCE", "-static", "-o", root + "/bin/leave", Path.Combine(AppContext.BaseDirectory, "Escape/leave.c"));

    private static async Task LeaveAndLook(ContainerBuilder builder, bool mapped, string? user)
    {
        builder = mapped ? EscapeRuns.Mapped(builder) : builder;
        builder = user is null ? builder : builder.WithUser(user);
        (Container earlier, List<string> left) = await Leave(builder);
        await using (earlier)
        {
            Assert.Equal(["/dev/shm: left", "/tmp: left", user is null ? "/: left" : "/: EACCES", "queue: left", "shm: left", "sem: left", "msg: left", "session keyring: EPERM", "user keyring: EPERM"], left);
            Assert.Equal(user is null ? 11 : 10, (await earlier.RunAsync("leave", "look")).Output.Split("FOUND").Length - 1); // the program finds what is there
            AssertSeesNothing((await builder.WithCommand("leave", "look").RunAsync(cancellationToken: Cancellation)).Output); // while the other one lives
        }

        AssertSeesNothing((await builder.WithCommand("leave", "look").RunAsync(cancellationToken: Cancellation)).Output);
    }

    private static async Task<(Container Container, List<string> Left)> Leave(ContainerBuilder builder)
    {
        Container container = builder.WithCommand("sh", "-c", "leave leave; exec sleep 1000").Start();
        List<string> left = [];
        await foreach (string line in container.ReadOutputLinesAsync(Cancellation))
        {
            if (line == "end")
            {
                break;
            }

            left.Add(line);
        }

        return (container, left);
    }

    private static void AssertSeesNothing(string output)
    {
        Assert.Equal(14, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.All(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.EndsWith(": nothing", line, StringComparison.Ordinal));
    }

    private static async Task Ready(Container container)
        => Assert.Equal("ready\n"u8.ToArray(), (await container.StandardOutput!.ReadAtLeastAsync(6, Cancellation)).Buffer.FirstSpan.ToArray());

    // One that runs on and on, under a new number each time, may be missed once.
    private void AssertThere() => Assert.True(SpinWait.SpinUntil(() => Daemons().Count > 0, TimeSpan.FromSeconds(30)));

    private void AssertGone()
    {
        for (int i = 0; i < 20; i++)
        {
            Assert.Empty(Daemons());
        }
    }

    // As the host sees them: by the name they go by.
    private List<int> Daemons()
    {
        List<int> found = [];
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            try
            {
                if (int.TryParse(Path.GetFileName(directory), out int pid) && File.ReadAllText(directory + "/cmdline").StartsWith(_name + '\0', StringComparison.Ordinal))
                {
                    found.Add(pid);
                }
            }
            catch (IOException)
            {
                // It has ended meanwhile.
            }
        }

        return found;
    }
}
