using System.Diagnostics;
using Containers.Resources;
using Xunit;

namespace Containers.Tests.Systemd;

/// <summary>Where there is no systemd to ask, or nothing to ask it for.</summary>
public sealed class BadScopeTests : IClassFixture<HostState>, IDisposable
{
    // Root's bus is the system's, a user's that of its session.
    private static readonly string[] s_variables = ["DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"];

    private readonly TestDirectory _directory = new();
    private readonly string?[] _before = [.. s_variables.Select(Environment.GetEnvironmentVariable)];

    public BadScopeTests()
    {
        CgroupHost.Pretended.Value = CgroupHost.Parse(["29 23 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"], ["0::/here"], _ => "cpu memory pids");
        UseBus($"unix:path={_directory["bus"]}");
    }

    public void Dispose()
    {
        CgroupHost.Pretended.Value = null;
        for (int i = 0; i < s_variables.Length; i++)
        {
            Environment.SetEnvironmentVariable(s_variables[i], _before[i]);
        }

        _directory.Dispose();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bus_that_is_not_there_is_named()
    {
        ContainerException error = await Assert.ThrowsAsync<ContainerException>(() => SystemdScope.EnterAsync(cancellation: Cancellation));

        Assert.StartsWith("No systemd answers: ", error.Message);
        Assert.Contains(_directory["bus"], error.Message);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public async Task Bus_without_systemd_is_told_from_none()
    {
        Requires.Tools("dbus-daemon");
        using Process bus = Process.Start(new ProcessStartInfo("dbus-daemon", ["--session", "--nofork", "--nopidfile", "--print-address", $"--address=unix:path={_directory["bus"]}"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        await bus.StandardOutput.ReadLineAsync(Cancellation);
        try
        {
            ContainerException error = await Assert.ThrowsAsync<ContainerException>(() => SystemdScope.EnterAsync(cancellation: Cancellation));
            Assert.Contains("no systemd is on this bus", error.Message);
        }
        finally
        {
            bus.Kill();
            await bus.WaitForExitAsync(Cancellation);
            bus.StandardOutput.Dispose();
            bus.StandardError.Dispose();
        }
    }

    [Fact]
    public async Task Address_that_is_none_is_named()
    {
        UseBus("nonsense");
        Assert.Contains("nonsense: ", (await Assert.ThrowsAsync<ContainerException>(() => SystemdScope.EnterAsync(cancellation: Cancellation))).Message);
    }

    [Fact]
    public async Task Host_without_cgroup_v2_alone_is_told()
    {
        CgroupHost.Pretended.Value = CgroupHost.Parse(["29 23 0:25 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"], ["4:memory:/here"], _ => "");
        Assert.Contains("cgroup v2 alone", (await Assert.ThrowsAsync<ContainerException>(() => SystemdScope.EnterAsync(cancellation: Cancellation))).Message);
    }

    [Theory]
    [InlineData("build", null)]
    [InlineData(".scope", null)]
    [InlineData("a/b.scope", null)]
    [InlineData("build.service", null)]
    [InlineData(null, "batch")]
    [InlineData(null, "batch.scope")]
    public async Task Name_of_another_kind_of_unit_is_refused(string? name, string? slice)
        => await Assert.ThrowsAsync<ArgumentException>(() => SystemdScope.EnterAsync(name, slice, Cancellation));

    private static void UseBus(string address)
    {
        Environment.SetEnvironmentVariable("DBUS_SYSTEM_BUS_ADDRESS", address);
        Environment.SetEnvironmentVariable("DBUS_SESSION_BUS_ADDRESS", address);
        Environment.SetEnvironmentVariable("XDG_RUNTIME_DIR", null);
    }
}
