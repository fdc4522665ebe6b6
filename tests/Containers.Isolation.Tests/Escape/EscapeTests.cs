using Xunit;

namespace Containers.Tests.Escape;

/// <summary>From inside, everything that would lead out fails as it should, whoever tries.</summary>
[Trait("vm", "yes")]
public sealed class EscapeTests(EscapeRuns runs) : IClassFixture<EscapeRuns>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static IEnumerable<TheoryDataRow<string, Identity>> Attempts
        => from identity in WhoCanBe from attempt in Attempt.All select new TheoryDataRow<string, Identity>(attempt.Name, identity);

    public static TheoryData<Identity> Identities => [.. WhoCanBe];

    // An ordinary user's host is no other one's.
    private static IEnumerable<Identity> WhoCanBe
        => Enum.GetValues<Identity>().Where(identity => Environment.UserName == "root" || EscapeRuns.Ordinaries.Contains(identity));

    [Theory]
    [MemberData(nameof(Attempts))]
    public void Attempt_fails(string attempt, Identity identity)
        => Assert.Contains(runs.Of(identity)[attempt], Attempt.All.Single(one => one.Name == attempt).For(identity).Split(" or "));

    /// <summary>The same, for all attempts at once.</summary>
    [Theory]
    [MemberData(nameof(Identities))]
    [Trait("vm", "brief")]
    public void No_attempt_leads_out(Identity identity)
        => Assert.Equal([], from attempt in Attempt.All
                            let answer = runs.Of(identity)[attempt.Name]
                            where !attempt.For(identity).Split(" or ").Contains(answer)
                            select $"{attempt.Name}: {answer}");

    [Theory]
    [MemberData(nameof(Identities))]
    public void Every_attempt_is_expected_and_made(Identity identity)
        => Assert.Equal(Attempt.All.Select(attempt => attempt.Name).Order(), runs.Of(identity).Keys.Order());

    [Theory]
    [MemberData(nameof(Identities))]
    [Trait("vm", "brief")]
    public void Host_is_as_it_was(Identity identity)
    {
        _ = runs.Of(identity);
        Assert.Empty(runs.Changes);
    }

    /// <summary>What would stand open, were it not for the default: so the probe can tell.</summary>
    [Theory]
    [InlineData(null, new[] { "abstract socket of the host", "loopback of the host", "sockets of the host in /proc/net/unix", "clone a user namespace", "write any sysctl", "write /proc/sys/kernel/core_pattern", "read /proc/timer_list", "call of x32", "keyctl" })]
    [InlineData("worker", new[] { "setuid program", "program with file capabilities", "abstract socket of the host", "loopback of the host", "clone a user namespace", "clone3", "unshare user" })]
    public async Task Probe_gets_out_where_it_is_let(string? user, string[] open)
    {
        Requires.Root();
        ContainerBuilder container = runs.Container.WithNewPrivileges().WithoutSeccomp().WithoutMaskedPaths().WithoutReadOnlyPaths().WithHostNetNs();
        IReadOnlyDictionary<string, string> lines = await Run(user is null ? container : container.WithUser(user));
        Assert.All(open.Where(name => lines[name] is not ("ENOENT" or "ENOSYS" or "ENOSPC")), name => Assert.StartsWith("SUCCEEDED", lines[name], StringComparison.Ordinal));
    }

    /// <summary>What the filter denies, the lack of capabilities would, too.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("worker")]
    public async Task Without_the_filter_nothing_of_the_host_is_reached(string? user)
    {
        Requires.Root();
        ContainerBuilder container = runs.Container.WithoutSeccomp();
        IReadOnlyDictionary<string, string> lines = await Run(user is null ? container : container.WithUser(user));

        Assert.Equal([], lines.Where(line => line.Value.StartsWith("SUCCEEDED", StringComparison.Ordinal)).Select(line => line.Key).Except(
        [
            "clone a user namespace", "clone a user and a mount namespace", "clone3 a user namespace", "clone3", "unshare user", "unshare user and mount", // its own, nested
            "denied call by tracing", "no_new_privs and the filter", "personality without randomisation", "keyctl", "add_key", "request_key", "set_mempolicy", "mbind", "move_pages", "migrate_pages", // its own processes'
            "call of i386", "call of x32", "AF_ALG", "AF_ALG with high bits", "AF_VSOCK", "NETLINK_NETFILTER", "userfaultfd", "perf_event_open", "io_uring_setup", "syslog", "kcmp", "lsm_list_modules",
            "TIOCSTI", "TIOCSTI with high bits", "pidfd_getfd of PID 1", "process_vm_readv of PID 1", "process_vm_writev of PID 1", "fanotify_init", "quotactl", "uselib",
            "read /proc/kpagecount", "read /proc/kpageflags", "read /proc/kpagecgroup",
        ]));
        Assert.Empty(runs.Changes);
    }

    /// <summary>Where root inside is the host's root, so are the owners of its files: a way to them would give the host's users a setuid program.</summary>
    [Fact]
    public async Task Setuid_programs_made_inside_are_out_of_reach_of_the_hosts_users()
    {
        Requires.Root();
        Requires.Tools("setpriv");
        await using Container container = runs.Container.WithCommand("sh", "-c", "cp /bin/busybox /evil; chmod 6755 /evil; echo made; read line").Start();
        await container.StandardOutput!.ReadAtLeastAsync("made\n".Length, Cancellation);
        string made = Path.Combine(Directory.EnumerateDirectories(runs.Store + "/running").Select(host => $"{host}/{container.Id}").Single(Directory.Exists), "upper/evil");
        Assert.Equal("6755 0\n", Tool.Run("stat", "-c", "%a %u", made));

        Assert.Contains("Permission denied", Tool.Try("setpriv", "--reuid", "1500", "--regid", "1500", "--clear-groups", "stat", made).Error, StringComparison.Ordinal);
        Assert.Contains("Permission denied", Tool.Try("setpriv", "--reuid", "1500", "--regid", "1500", "--clear-groups", "stat", $"/proc/{container.Pid}/root/evil").Error, StringComparison.Ordinal);
    }

    private static async Task<IReadOnlyDictionary<string, string>> Run(ContainerBuilder container, string[] command)
    {
        ContainerResult result = await container.WithCommand(command).RunAsync(cancellationToken: Cancellation);
        Assert.True(result.Exit.IsSuccess, $"{result.Exit}: {result.Error}{result.Output}");
        return EscapeRuns.Lines(result.Output);
    }

    private Task<IReadOnlyDictionary<string, string>> Run(ContainerBuilder container) => Run(container, runs.Command);
}
