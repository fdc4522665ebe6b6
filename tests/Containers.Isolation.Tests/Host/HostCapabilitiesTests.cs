using System.Globalization;
using Xunit;

namespace Containers.Tests.Host;

/// <summary>What the host is said to have, against what it shows and what works.</summary>
[Trait("vm", "yes")]
public sealed class HostCapabilitiesTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Every_feature_is_answered_and_what_is_missing_says_what_would_give_it()
    {
        HostCapabilities host = HostCapabilities.Probe();

        Assert.Equal(Enum.GetValues<HostFeature>(), host.All.Select(one => one.Feature));
        Assert.All(host.All, one =>
        {
            Assert.Equal(one.IsAvailable, one.Remedy is null);
            Assert.NotEqual("", one.Remedy);
            Assert.Equal(one.IsAvailable, host.Has(one.Feature));
            Assert.Contains(one.Feature.ToString(), host.ToString());
        });
        Assert.Equal(File.ReadAllText("/proc/sys/kernel/osrelease").Trim(), host.KernelRelease);
        Assert.StartsWith($"Linux {host.KernelRelease}, ", host.ToString());
        TestContext.Current.TestOutputHelper!.WriteLine(host.ToString());
    }

    [Fact]
    public void Probing_leaves_the_host_as_it_is()
    {
        HostCapabilities.Probe(); // what the library keeps for itself is there now
        string[] before = State();
        for (int i = 0; i < 3; i++)
        {
            HostCapabilities.Probe();
        }

        Assert.Equal(before, State());

        static string[] State()
            => [.. File.ReadLines("/proc/self/mountinfo"), .. Directory.EnumerateFiles("/proc/self/fd").Select(path => $"{Path.GetFileName(path)} {new FileInfo(path).LinkTarget}").Where(line => !line.Contains("/proc/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public void What_root_needs_to_start_a_container_is_there_where_containers_start()
    {
        Requires.Root();
        HostCapabilities host = HostCapabilities.Probe();

        Assert.True(host.IsRoot);
        Assert.All((HostFeature[])[HostFeature.Clone3, HostFeature.PidFd, HostFeature.MountNamespace, HostFeature.PidNamespace, HostFeature.UtsNamespace, HostFeature.IpcNamespace, HostFeature.NetNamespace, HostFeature.CgroupNamespace, HostFeature.Overlay],
            feature => Assert.True(host.Has(feature), host[feature].ToString()));
    }

    [Fact]
    public async Task Time_namespaces_are_there_exactly_where_they_work()
    {
        ContainerBuilder container = root.Container.WithTimeNs(TimeSpan.FromDays(1000)).WithCommand("cat", "/proc/uptime");
        if (HostCapabilities.Probe().Has(HostFeature.TimeNamespace))
        {
            Assert.True((await container.RunAsync(cancellationToken: Cancellation)).Exit.IsSuccess);
        }
        else
        {
            ContainerException error = Assert.Throws<ContainerException>(() => container.Start());
            Assert.Contains("HostCapabilities.Probe()", error.Message);
        }
    }

    [Theory]
    [InlineData(HostFeature.MemoryController, "memory")]
    [InlineData(HostFeature.PidsController, "pids")]
    [InlineData(HostFeature.HugetlbController, "hugetlb")]
    public void Controllers_are_there_exactly_where_a_limit_can_be_set(HostFeature feature, string controller)
    {
        ContainerBuilder container = (controller switch
        {
            "memory" => root.Container.WithMemoryLimit(64 << 20),
            "pids" => root.Container.WithPidsLimit(100),
            _ => root.Container.WithHugetlbLimit("2MB", 0),
        }).WithCommand("true");
        Exception? failure = Record.Exception(() =>
        {
            using Container started = container.Start();
            started.Wait();
        });

        Assert.Equal(HostCapabilities.Probe().Has(feature), failure is null);
    }

    [Fact]
    public void Landlock_and_seccomp_are_as_other_programs_see_them()
    {
        HostCapabilities host = HostCapabilities.Probe();

        Assert.Equal(File.Exists("/proc/sys/kernel/seccomp/actions_avail"), host.Has(HostFeature.Seccomp));
        if (File.Exists("/sys/kernel/security/lsm"))
        {
            Assert.Equal(File.ReadAllText("/sys/kernel/security/lsm").Split(',', '\n').Contains("landlock"), host.Has(HostFeature.Landlock));
        }
    }

    [Fact]
    public void Overlay_with_mapped_owners_works_where_it_is_said_to()
    {
        HostCapabilities host = HostCapabilities.Probe();

        if (Environment.OSVersion.Version >= new Version(5, 19) && host.Has(HostFeature.IdmappedMounts))
        {
            Assert.True(host.Has(HostFeature.OverlayIdmappedLower), host[HostFeature.OverlayIdmappedLower].ToString());
        }

        if (Environment.OSVersion.Version < new Version(5, 12))
        {
            Assert.False(host.Has(HostFeature.IdmappedMounts));
        }
    }

    [Fact]
    public void User_without_privileges_is_told_what_a_user_has()
    {
        Requires.Tools("setpriv");
        string program = Path.Combine(AppContext.BaseDirectory, "Containers.TestHost");
        string[] asUser = ["--reuid", "1500", "--regid", "1500", "--clear-groups", "--bounding-set=-all"];
        Assert.SkipUnless(Tool.Try("setpriv", [.. asUser, "test", "-x", program]).ExitCode == 0, "the tests lie where another user cannot reach them");
        string table = Tool.Run("setpriv", [.. asUser, program, "probe"]);

        Assert.Contains(", as a user\n", table);
        Assert.Contains(" no ", Line(HostFeature.Overlay));
        Assert.Contains("/etc/subuid has no line for this user", Line(HostFeature.SubordinateIds));
        if (HostCapabilities.Probe().Has(HostFeature.UserNamespace))
        {
            Assert.Contains(" yes ", Line(HostFeature.UserNamespace));
            Assert.Contains(" yes ", Line(HostFeature.PidNamespace));
        }

        string Line(HostFeature feature) => table.Split('\n').Single(line => line.TrimStart().StartsWith(feature.ToString() + " ", StringComparison.Ordinal));
    }

    [Fact]
    public void Probing_is_quick()
    {
        HostCapabilities.Probe();
        System.Diagnostics.Stopwatch clock = System.Diagnostics.Stopwatch.StartNew();
        HostCapabilities.Probe();

        TestContext.Current.TestOutputHelper!.WriteLine(clock.Elapsed.TotalMilliseconds.ToString(CultureInfo.InvariantCulture));
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }
}
