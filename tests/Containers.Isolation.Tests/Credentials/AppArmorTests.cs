using Containers.Tests.UserNamespaces;
using Xunit;

namespace Containers.Tests.Credentials;

/// <summary>Profiles of AppArmor, where the kernel has it: booted with <c>apparmor=1 security=apparmor</c>.</summary>
[Trait("vm", "root")]
public sealed class AppArmorTests : IClassFixture<AppArmorTests.LoadedProfile>
{
    private const string Script = "cat /proc/self/attr/current; cat /etc/motd > /dev/null 2>&1 && echo read || echo denied";
    private const string Confined = LoadedProfile.Name + " (enforce)\ndenied\n";

    private readonly BusyboxRoot _root;

    public AppArmorTests(LoadedProfile loaded)
    {
        const string Enabled = "/sys/module/apparmor/parameters/enabled";
        Requires.Root();
        Assert.SkipUnless(File.Exists(Enabled) && File.ReadAllText(Enabled).Trim() == "Y", "this test needs a kernel that was started with AppArmor (apparmor=1 security=apparmor)");
        Requires.Tools("apparmor_parser");
        _root = loaded.Load();
    }

    private ContainerBuilder Container => _root.Container.WithAppArmorProfile(LoadedProfile.Name);

    [Fact]
    [Trait("vm", "brief-root")]
    public async Task Command_and_what_it_executes_are_confined()
    {
        Assert.Equal("unconfined\nread\n", await _root.Sh(Script));
        Assert.Equal(Confined, await _root.Sh(Script, _ => Container));
        Assert.Equal(Confined, await _root.Sh($"sh -c '{Script}'", _ => Container));
    }

    [Theory]
    [InlineData("worker")]
    [InlineData("init")]
    [InlineData("users")]
    [InlineData("without seccomp")]
    public async Task Confined_is_also(string who)
        => Assert.Equal(Confined, await _root.Sh(Script, _ => With(who)));

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
        Assert.Equal(LoadedProfile.Name + " (enforce)\n", await File.ReadAllTextAsync($"/proc/{exec.Pid}/attr/current", TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Profile_that_is_not_loaded_is_refused_beforehand()
        => Assert.Contains("\"containers-test\" is not loaded", Assert.Throws<ContainerException>(() => _root.Container.WithAppArmorProfile("containers-test").WithCommand("true").Start()).Message, StringComparison.Ordinal);

    [Fact]
    public void Ordinary_user_s_container_is_confined()
    {
        using UserHost user = new();
        Assert.Equal(Confined, user.Sh(Script, $"apparmor={LoadedProfile.Name}{Escape.EscapeRuns.CopiedWord}"));
        Assert.Contains("AppArmor has no such profile", user.Failure($"apparmor=containers-test{Escape.EscapeRuns.CopiedWord}"), StringComparison.Ordinal);
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

    /// <summary>A profile that allows all but to read one file, loaded while the tests run.</summary>
    public sealed class LoadedProfile : IDisposable
    {
        internal const string Name = "containers-tests";

        private const string Text = $$"""profile {{Name}} flags=(attach_disconnected,mediate_deleted) { capability, network, file, mount, umount, signal, ptrace, deny /etc/motd r, }""";

        private BusyboxRoot? _root;

        public BusyboxRoot Load()
        {
            if (_root is null)
            {
                Tool.Bash($"mountpoint -q /sys/kernel/security || mount -t securityfs none /sys/kernel/security; echo '{Text}' | apparmor_parser --skip-cache --replace");
                _root = new BusyboxRoot(); // after that, since it looks at what is mounted on the host
            }

            return _root;
        }

        public void Dispose()
        {
            if (_root is not null)
            {
                _root.Dispose();
                Tool.Bash($"echo '{Text}' | apparmor_parser --remove");
            }
        }
    }
}
