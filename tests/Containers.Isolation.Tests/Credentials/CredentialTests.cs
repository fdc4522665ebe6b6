using Xunit;

namespace Containers.Tests.Credentials;

/// <summary>Users, groups, capabilities and labels, as the container's processes have them.</summary>
[Trait("vm", "yes")]
public sealed class CredentialTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private const string Sets = "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):' /proc/self/status | tr -d '\\t'";

    [Fact]
    [Trait("vm", "brief")]
    public async Task Capabilities_are_added_and_taken_away()
    {
        Assert.Equal("CapInh:0000000000000000\nCapPrm:00000000a00455fb\nCapEff:00000000a00455fb\nCapBnd:00000000a00455fb\nCapAmb:0000000000000000\n",
            await root.Sh(Sets, container => container.WithCapabilities("CAP_NET_ADMIN", "ipc_lock").WithoutCapabilities(Capability.NetRaw)));
        Assert.Contains("CapBnd:0000000000000000", await root.Sh(Sets, container => container.WithoutCapabilities(Array.Empty<Capability>())));
    }

    [Fact]
    public async Task All_capabilities_are_those_of_the_host_process()
    {
        // In a user namespace of its own, root has all that the kernel knows.
        string own = Environment.UserName == "root"
            ? File.ReadLines("/proc/self/status").First(line => line.StartsWith("CapBnd", StringComparison.Ordinal)).Split('\t')[1]
            : ((2UL << int.Parse(File.ReadAllText("/proc/sys/kernel/cap_last_cap"))) - 1).ToString("x16");
        Assert.Contains($"CapEff:{own}", await root.Sh(Sets, container => container.WithAllCapabilities()));
    }

    [Fact]
    public async Task Ambient_capabilities_stay_with_a_user_over_exec()
    {
        string sets = await root.Sh(Sets, container => container.WithUser("worker").WithAmbientCapabilities(Capability.NetBindService));

        Assert.Contains("CapEff:0000000000000400", sets);
        Assert.Contains("CapAmb:0000000000000400", sets);
        Assert.Contains("bound", await root.Sh("nc -l -p 80 & sleep 0.2; kill $! && echo bound", container => container.WithUser("worker").WithAmbientCapabilities(Capability.NetBindService)));
    }

    [Fact]
    public void Capability_that_the_host_process_lacks_is_named_before_anything_starts()
    {
        Requires.Root();
        Requires.That(!Security.Credentials.HostPrivileges.Has(Capability.SysResource), "this test needs a root that lacks CAP_SYS_RESOURCE");
        ContainerException error = Assert.Throws<ContainerException>(() => root.Container.WithCapabilities(Capability.SysResource).WithCommand("true").Start());
        Assert.Contains("CAP_SYS_RESOURCE, which this process lacks", error.Message);
    }

    [Theory]
    [InlineData("CAP_FLY")]
    [InlineData("")]
    [InlineData("7")]
    public void Capability_that_there_is_not_is_refused(string name)
        => Assert.Contains($"\"{name}\" is no capability", Assert.Throws<ContainerException>(() => root.Container.WithCapabilities(name)).Message);

    [Fact]
    [Trait("vm", "brief")]
    public async Task Groups_and_umask_are_those_asked_for()
    {
        Assert.Equal("1000 77 2000\n", await root.Sh("id -G", container => container.WithUser("1000:1000").WithGroups("extra", "77")));
        Assert.Equal("0027\n-rw-r-----\n", await root.Sh("umask; : > /f; ls -l /f | cut -c1-10", container => container.WithUmask(0x17)));
        Assert.Equal("0022\n", await root.Sh("umask"));
        Assert.Contains("nobodys", Assert.Throws<UserNotFoundException>(() => root.Container.WithGroups("nobodys").WithCommand("true").Start()).Message);
    }

    [Fact]
    public async Task Setuid_programs_give_privileges_only_when_it_is_said()
    {
        Requires.Tools("gcc");
        Tool.Bash($$"""
            printf '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%%d\\n", geteuid()); }' | gcc -static -x c -o {{root.Path}}/bin/euid -
            chmod 4755 {{root.Path}}/bin/euid
            """);
        Assert.Equal("1000\n", await root.Sh("euid", container => container.WithUser("worker")));
        Assert.Equal("0\n", await root.Sh("euid", container => container.WithUser("worker").WithNewPrivileges()));
    }

    [Fact]
    public async Task Keys_of_the_host_are_not_the_containers()
    {
        Requires.Tools("keyctl");
        Requires.That(File.Exists("/proc/keys"), "this test needs a kernel with keys");
        Tool.Bash($"cp $(command -v keyctl) {root.Path}/bin/ && ldd $(command -v keyctl) | grep -o '/[^ ]*' | while read f; do mkdir -p {root.Path}$(dirname $f); cp $f {root.Path}$f; done");
        SeccompProfile keys = SeccompProfile.Default.Allow("keyctl", "add_key", "request_key");

        string first = await root.Sh("keyctl add user mine secret @s > /dev/null; keyctl show @s", container => container.WithSeccomp(keys));
        string second = await root.Sh("keyctl show @s", container => container.WithSeccomp(keys));

        Assert.Contains("user: mine", first);
        Assert.DoesNotContain("mine", second);
    }

    [Fact]
    public void Labels_of_modules_that_the_host_has_not_are_refused()
    {
        if (!File.Exists("/sys/module/apparmor/parameters/enabled"))
        {
            Assert.Contains("no AppArmor", Assert.Throws<ContainerException>(() => root.Container.WithAppArmorProfile("docker-default").WithCommand("true").Start()).Message);
        }

        Assert.Contains("no SELinux", Assert.Throws<ContainerException>(() => root.Container.WithSelinuxLabel("a:b:c:s0").WithCommand("true").Start()).Message);
    }
}
