using System.Net.Sockets;
using Containers.Launch;
using Containers.Native;
using Xunit;

namespace Containers.Tests.Landlock;

/// <summary>What Landlock's rules let a container's processes reach.</summary>
[Trait("vm", "yes")]
public sealed class LandlockTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static int Abi { get; } = Kernel.landlock_abi();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Files_are_reached_as_the_rules_say()
    {
        Requires.That(Abi >= 5, "this test needs Landlock of Linux 6.10");
        ContainerBuilder container = root.Container.WithLandlock(rules => rules.ReadOnly("/bin", "/etc/passwd").ReadWrite("/tmp", "/dev"));
        ContainerResult result = await Run(container, """
            mkdir -p /tmp/a && echo hello > /tmp/a/b && mv /tmp/a/b /tmp/c && cat /tmp/c && ln /tmp/c /tmp/a/d && rm -r /tmp/a && echo made and removed
            head -c 4 /etc/passwd; echo
            cat /etc/group; ls /; ls /proc; echo x > /bin/x; echo x >> /etc/passwd; true > /etc/passwd; rm /bin/sh; mkdir /x
            """);

        Assert.Equal("hello\nmade and removed\nroot\n", result.Output);
        Assert.Equal(8, result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.All(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.EndsWith("Permission denied", line));
    }

    [Theory]
    [InlineData("root", true)]
    [InlineData("worker", true)]
    [InlineData("worker", false)]
    public async Task Rules_hold_for_every_user_and_with_privileges_to_gain(string user, bool noNewPrivileges)
    {
        Requires.That(Abi >= 1, "this test needs Landlock");
        ContainerBuilder container = root.Container.WithUser(user).WithLandlock(rules => rules.Restricting(LandlockAccess.Abi1).ReadOnly("/bin"));
        ContainerResult result = await Run(noNewPrivileges ? container : container.WithNewPrivileges(), "id -un 2> /dev/null; cat /etc/passwd || echo refused");

        Assert.EndsWith("refused\n", result.Output);
    }

    [Fact]
    public async Task Rules_hold_whatever_the_profile_of_system_calls_allows()
    {
        Requires.That(Abi >= 1, "this test needs Landlock");
        SeccompProfile profile = SeccompProfile.Default.Deny(Errno.EPERM, "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self");
        ContainerResult result = await Run(root.Container.WithSeccomp(profile).WithLandlock(rules => rules.Restricting(LandlockAccess.Abi1).ReadOnly("/bin")), "cat /etc/passwd || echo refused");

        Assert.Equal("refused\n", result.Output);
        Assert.Contains("Permission denied", result.Error);
    }

    [Fact]
    public async Task Rules_hold_for_a_process_that_joins()
    {
        Requires.That(Abi >= 1, "this test needs Landlock");
        await using Container container = root.Container.WithLandlock(rules => rules.Restricting(LandlockAccess.Abi1).ReadOnly("/bin").ReadWrite("/tmp")).WithCommand("sleep", "1000").Start();
        await using ContainerExec exec = await container.ExecAsync(["sh", "-c", "echo x > /tmp/x && cat /tmp/x; cat /etc/passwd || echo refused"], cancellationToken: Cancellation);

        Assert.Equal("x\nrefused\n", await exec.ReadOutputAsync(Cancellation));
    }

    [Fact]
    public void Command_that_the_rules_do_not_let_execute_is_told_so()
    {
        Requires.That(Abi >= 1, "this test needs Landlock");
        CommandNotExecutableException error = Assert.Throws<CommandNotExecutableException>(() => root.Container.WithCommand("/bin/true").WithLandlock(rules => rules.Restricting(LandlockAccess.Abi1).ReadOnly("/etc")).Start());
        Assert.Contains("The Landlock rules have to allow it", error.Message);
    }

    [Fact]
    public void Path_that_is_not_there_is_an_error()
    {
        Requires.That(Abi >= 1, "this test needs Landlock");
        LaunchException error = Assert.Throws<LaunchException>(() => root.Container.WithCommand("true").WithLandlock(rules => rules.Restricting(LandlockAccess.Abi1).ReadOnly("/bin", "/no/such/path")).Start());

        Assert.Equal(("make landlock rules", Errno.ENOENT), (error.Step, error.Errno));
        Assert.Contains("/no/such/path", error.Message);
        Assert.Empty(root.Leftovers());
    }

    [Fact]
    public async Task Tcp_ports_are_bound_and_connected_to_as_the_rules_say()
    {
        Requires.That(Abi >= 4, "this test needs Landlock of Linux 6.7");
        ContainerBuilder container = root.Container.WithLandlock(rules => rules.Restricting(LandlockAccess.None).BindTcp(8080).ConnectTcp(8080));
        ContainerResult result = await Run(container, "nc -l -p 8081 2>&1; mkfifo /open; exec 3<> /open; (echo hello | nc -l -p 8080) & until nc 127.0.0.1 8080 <&3 2> /dev/null; do :; done; nc 127.0.0.1 8082 2>&1; true");

        // The client's input stays open: a server that is told of its end before it has written ends, too.
        string[] lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.EndsWith("Permission denied", lines[0]);
        Assert.Equal("hello", lines[1]);
        Assert.EndsWith("Permission denied", lines[2]);
    }

    [Fact]
    public async Task Abstract_sockets_of_the_host_are_out_of_scope()
    {
        Requires.That(Abi >= 6, "this test needs Landlock of Linux 6.12");
        Requires.Tools("gcc");
        Tool.Run("gcc", "-O1", "-D_GNU_SOURCE", "-static", "-o", root.Path + "/bin/abstract", Path.Combine(AppContext.BaseDirectory, "Landlock/abstract.c"));
        string name = $"containers-tests-{Environment.ProcessId}";
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint("\0" + name));
        listener.Listen();
        ContainerBuilder container = root.Container.WithHostNetNs();

        Assert.Equal("connected\n", (await Run(container, $"abstract {name}")).Output);
        Assert.Equal("EPERM\n", (await Run(container.WithLandlock(rules => rules.Restricting(LandlockAccess.None).ScopeAbstractSockets()), $"abstract {name}")).Output);
    }

    [Fact]
    public async Task Processes_of_the_host_are_out_of_scope_for_signals()
    {
        Requires.That(Abi >= 6, "this test needs Landlock of Linux 6.12");
        ContainerBuilder container = root.Container.WithHostPidNs();
        string script = $"kill -0 {Environment.ProcessId} && echo reached; sleep 100 & kill $! && echo own";

        Assert.Equal("reached\nown\n", (await Run(container, script)).Output);
        Assert.Equal("own\n", (await Run(container.WithLandlock(rules => rules.Restricting(LandlockAccess.None).ScopeSignals()), script)).Output);
    }

    [Theory]
    [InlineData(0, "no Landlock")]
    [InlineData(1, "(ABI 1) cannot restrict Refer, Truncate, IoctlDev. Restricting(LandlockAccess.Abi1)")]
    [InlineData(2, "(ABI 2) cannot restrict Truncate, IoctlDev. Restricting(LandlockAccess.Abi2)")]
    [InlineData(4, "(ABI 4) cannot restrict IoctlDev. Restricting(LandlockAccess.Abi3)")]
    public void Kernel_that_cannot_restrict_what_is_asked_for_is_an_error(int abi, string message)
        => Assert.Contains(message, OnKernel(abi, rules => rules.ReadOnly("/bin")).Message);

    [Fact]
    public void Kernel_that_knows_no_ports_or_scopes_is_an_error()
    {
        Assert.Contains("cannot restrict TCP", OnKernel(3, rules => rules.Restricting(LandlockAccess.Abi3).ConnectTcp()).Message);
        Assert.Contains("cannot scope", OnKernel(5, rules => rules.ScopeSignals()).Message);
        Assert.Contains("restrict nothing", OnKernel(5, rules => rules.Restricting(LandlockAccess.None)).Message);
    }

    [Fact]
    public void Rules_that_make_no_sense_are_refused_when_they_are_given()
    {
        Assert.Throws<ArgumentException>(() => root.Container.WithLandlock(rules => rules.ReadOnly("bin")));
        Assert.Throws<ArgumentException>(() => root.Container.WithLandlock(rules => rules.Allow((LandlockAccess)(1 << 20), "/bin")));
        Assert.Throws<ArgumentOutOfRangeException>(() => root.Container.WithLandlock(rules => rules.BindTcp(65536)));
    }

    [Fact]
    public void Rules_are_explained()
    {
        Requires.That(Abi >= 1, "this test needs Landlock");
        string text = root.Container.WithCommand("true").WithLandlock(rules => rules.Restricting(LandlockAccess.Abi1).ReadOnly("/bin")).Explain(ExplainStyle.SystemCalls);

        Assert.Contains("# make landlock rules", text);
        Assert.Contains("openat(AT_FDCWD, \"/bin\", 0x", text);
        Assert.True(text.IndexOf("landlock_restrict_self(", StringComparison.Ordinal) < text.IndexOf("seccomp(", StringComparison.Ordinal));
    }

    private ContainerException OnKernel(int abi, Func<LandlockRules, LandlockRules> rules)
    {
        ContainerLauncher.Features.Value = new KernelFeatures { LandlockAbi = abi };
        try
        {
            return Assert.Throws<ContainerException>(() => root.Container.WithCommand("true").WithLandlock(rules).Start());
        }
        finally
        {
            ContainerLauncher.Features.Value = null;
            Assert.Empty(root.Leftovers());
        }
    }

    private static Task<ContainerResult> Run(ContainerBuilder container, string script) => container.WithCommand("sh", "-c", script).RunAsync(cancellationToken: Cancellation);
}
