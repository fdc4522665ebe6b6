using Xunit;

namespace Containers.Tests.Systemd;

/// <summary>Cgroups of containers where systemd has the tree, as on most hosts.</summary>
[Trait("vm", "root")]
public sealed class SystemdScopeTests : IClassFixture<BootedSystemd>
{
    private static readonly string[] s_session = ["--scope", $"--uid={BootedSystemd.User}", $"--gid={BootedSystemd.User}", $"--slice=user-{BootedSystemd.User}.slice"];

    private readonly BootedSystemd _systemd;

    public SystemdScopeTests(BootedSystemd systemd)
    {
        BootedSystemd.Need();
        _systemd = systemd;
    }

    private const string ShowLimits = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max /sys/fs/cgroup/pids.max";

    [Fact]
    [Trait("vm", "brief-root")]
    public void User_in_a_login_session_has_limits_in_a_scope()
    {
        string[] lines = Lines(_systemd.Run([.. s_session, .. _systemd.Host("scope", "session", "sh", "-c", ShowLimits)]));

        Assert.Matches($"^/user.slice/user-1500.slice/user@1500.service/app.slice/containers-[0-9]+-[0-9a-f]{{8}}.scope$", lines[0]);
        Assert.StartsWith($"/sys/fs/cgroup{lines[0]}/containers-", lines[1]);
        Assert.Equal(["67108864", "50000 100000", "20", "exited with 0"], lines[2..]);
        // Nothing is left of it when its last process has ended.
        Assert.Equal("", _systemd.Run("--pipe", "--wait", $"--uid={BootedSystemd.User}", "env", $"XDG_RUNTIME_DIR=/run/user/{BootedSystemd.User}", "systemctl", "--user", "list-units", "--all", "--no-legend", "--plain", "containers-*").Trim());
    }

    /// <summary>Its number there is another process's number for systemd.</summary>
    [Fact]
    public void Process_in_a_PID_namespace_of_its_own_is_the_one_that_is_moved()
    {
        string[] lines = Lines(_systemd.Run(["--scope", "unshare", "--pid", "--mount-proc", "--fork", .. _systemd.Host("scope", "nested", "sh", "-c", ShowLimits)]));

        Assert.Matches("^/system.slice/containers-[0-9]+-[0-9a-f]{8}.scope$", lines[0]);
        Assert.StartsWith($"/sys/fs/cgroup{lines[0]}/containers-", lines[1]);
        Assert.Equal(["67108864", "50000 100000", "20", "exited with 0"], lines[2..]);
    }

    [Fact]
    public void Limit_holds_in_a_scope()
        => Assert.Contains("out of memory", Lines(_systemd.Run([.. s_session, .. _systemd.Host("scope", "hog", "tail", "/dev/zero")]))[^1]);

    [Fact]
    public void Root_has_its_containers_in_a_scope_of_the_system()
    {
        string[] lines = Lines(_systemd.Run(["--scope", "--slice=batch.slice", .. _systemd.Host("scope", "root", "sh", "-c", ShowLimits)]));

        Assert.Matches("^/system.slice/containers-[0-9]+-[0-9a-f]{8}.scope$", lines[0]);
        Assert.StartsWith($"/sys/fs/cgroup{lines[0]}/containers-", lines[1]);
        Assert.Equal(["67108864", "50000 100000", "20", "exited with 0"], lines[2..]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(BootedSystemd.User)]
    public void Service_that_was_delegated_to_divides_its_own_cgroup(int user)
    {
        string[] lines = Lines(_systemd.Run(["--pipe", "--wait", "--unit=divided", "-p", "Delegate=yes", $"--uid={user}", $"--gid={user}", .. _systemd.Host("scope", $"service-{user}", "sh", "-c", ShowLimits)]));

        Assert.Equal("/system.slice/divided.service", lines[0]);
        Assert.StartsWith("/sys/fs/cgroup/system.slice/divided.service/containers-", lines[1]);
        Assert.Equal(["67108864", "50000 100000", "20", "exited with 0"], lines[2..]);
    }

    [Fact]
    public void Without_a_scope_the_error_tells_a_user_of_it()
    {
        string output = _systemd.Run(["--scope", .. s_session[1..], "sh", "-c", $"! \"$@\" 2>&1", "sh", .. _systemd.Host("cgroup", "without", "true")]);

        Assert.Contains("SystemdScope.EnterAsync()", output);
        Assert.Contains("cannot be written by this process", output);
    }

    private static string[] Lines(string output) => output.TrimEnd('\n').Split('\n');
}
