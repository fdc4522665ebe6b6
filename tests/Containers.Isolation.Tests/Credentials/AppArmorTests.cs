using Containers.Tests.UserNamespaces;
using Xunit;

namespace Containers.Tests.Credentials;

/// <summary>Profiles of AppArmor, where the kernel has it: booted with <c>apparmor=1 security=apparmor</c>.</summary>
[Trait("vm", "root")]
public sealed class AppArmorTests : ConfinementTests, IClassFixture<AppArmorTests.LoadedProfile>
{
    public AppArmorTests(LoadedProfile loaded)
    {
        const string Enabled = "/sys/module/apparmor/parameters/enabled";
        Requires.Root();
        Assert.SkipUnless(File.Exists(Enabled) && File.ReadAllText(Enabled).Trim() == "Y", "this test needs a kernel that was started with AppArmor (apparmor=1 security=apparmor)");
        Requires.Tools("apparmor_parser");
        Root = loaded.Load();
    }

    protected override string Script => "cat /proc/self/attr/current; cat /etc/motd > /dev/null 2>&1 && echo read || echo denied";

    protected override string Free => "unconfined\nread\n";

    protected override string Confined => LoadedProfile.Name + " (enforce)\ndenied\n";

    protected override BusyboxRoot Root { get; }

    protected override string Word => "apparmor=" + LoadedProfile.Name;

    protected override ContainerBuilder Confine(ContainerBuilder container) => container.WithAppArmorProfile(LoadedProfile.Name);

    [Fact]
    public void Profile_that_is_not_loaded_is_refused_beforehand()
        => Assert.Contains("\"containers-test\" is not loaded", Assert.Throws<ContainerException>(() => Root.Container.WithAppArmorProfile("containers-test").WithCommand("true").Start()).Message, StringComparison.Ordinal);

    [Fact]
    public void Profile_that_is_not_loaded_is_an_ordinary_user_s_error()
    {
        using UserHost user = new();
        Assert.Contains("AppArmor has no such profile", user.Failure($"apparmor=containers-test{Escape.EscapeRuns.CopiedWord}"), StringComparison.Ordinal);
    }

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
