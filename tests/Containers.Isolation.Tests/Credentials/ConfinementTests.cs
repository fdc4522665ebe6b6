using Containers.Tests.UserNamespaces;
using Xunit;

namespace Containers.Tests.Credentials;

/// <summary>What holds of a container that a security module confines, whichever module it is.</summary>
public abstract class ConfinementTests
{
    /// <summary>Prints what the process is confined by, and whether it may do what the confined may not.</summary>
    protected abstract string Script { get; }

    /// <summary>What that is in a container that is not confined.</summary>
    protected abstract string Free { get; }

    /// <summary>What that is in one that is.</summary>
    protected abstract string Confined { get; }

    protected abstract BusyboxRoot Root { get; }

    /// <summary>What confines, as a word for Containers.TestHost.</summary>
    protected abstract string Word { get; }

    /// <summary>The same as a line of the file that a process has it in.</summary>
    protected string Line => Confined[..Confined.IndexOf('\n', StringComparison.Ordinal)];

    protected abstract ContainerBuilder Confine(ContainerBuilder container);

    private ContainerBuilder Container => Confine(Root.Container);

    [Fact]
    [Trait("vm", "brief-root")]
    public async Task Command_and_what_it_executes_are_confined()
    {
        Assert.Equal(Free, await Root.Sh(Script));
        Assert.Equal(Confined, await Root.Sh(Script, _ => Container));
        Assert.Equal(Confined, await Root.Sh($"sh -c \"{Script}\"", _ => Container));
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("init")]
    [InlineData("users")]
    [InlineData("without seccomp")]
    public async Task Confined_is_also(string who)
        => Assert.Equal(Confined, await Root.Sh(Script, _ => With(who)));

    [Theory]
    [InlineData("root")]
    [InlineData("worker")]
    [InlineData("init")]
    [InlineData("users")]
    [InlineData("host's processes")]
    [InlineData("all capabilities")]
    public async Task Process_that_joins_is_confined(string who)
    {
        await using Container container = With(who).WithCommand("sleep", "1000").Start();
        Assert.Equal(Confined, (await container.RunAsync("sh", "-c", Script)).Output);
        Assert.Equal(Confined, (await container.RunAsync(["sh", "-c", Script], new ExecOptions { User = "worker" })).Output);
    }

    /// <summary>A file of the container where the kernel's should be takes no label, and nobody would see that.</summary>
    [Fact]
    public async Task Process_that_joins_is_confined_whatever_the_container_has_mounted_over_proc()
    {
        const string Hide = "mkdir -p /tmp/fake/self/attr/apparmor && touch /tmp/fake/self/attr/exec /tmp/fake/self/attr/apparmor/exec && mount -o bind /tmp/fake /proc && echo hidden; exec sleep 1000";
        await using Container container = Container.WithCapabilities(Capability.SysAdmin).WithoutSeccomp().WithCommand("sh", "-c", Hide).Start();
        await foreach (string line in container.ReadOutputLinesAsync(TestContext.Current.CancellationToken))
        {
            Assert.Equal("hidden", line);
            break;
        }

        ContainerExec exec = await container.ExecAsync("sleep", "1000");
        Assert.Equal(Line, (await File.ReadAllTextAsync($"/proc/{exec.Pid}/attr/current", TestContext.Current.CancellationToken)).TrimEnd('\n', '\0'));
    }

    [Fact]
    public void Ordinary_user_s_container_is_confined()
    {
        using UserHost user = new();
        Assert.Equal(Confined, user.Sh(Script, Word + Escape.EscapeRuns.CopiedWord));
    }

    private ContainerBuilder With(string who) => who switch
    {
        "worker" => Container.WithUser("worker"),
        "init" => Container.WithInit(),
        "users" => Escape.EscapeRuns.Mapped(Container),
        "host's processes" => Container.WithHostPidNs(),
        "all capabilities" => Container.WithAllCapabilities(),
        "without seccomp" => Container.WithoutSeccomp(),
        _ => Container,
    };
}
