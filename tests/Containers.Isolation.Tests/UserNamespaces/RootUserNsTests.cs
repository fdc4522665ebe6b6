using Containers.Launch;
using Xunit;

namespace Containers.Tests.UserNamespaces;

/// <summary>A host that is root, and containers whose root is someone else.</summary>
[Trait("vm", "root")]
public sealed class RootUserNsTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static readonly IdMap s_map = new(0, 300000, 65536);

    [Fact]
    public async Task Root_inside_is_an_ordinary_user_on_the_host()
    {
        using Container container = root.Container.WithUserNs(s_map).WithCommand("sleep", "1000").Start();

        string[] status = File.ReadAllLines($"/proc/{container.Pid}/status");
        Assert.Contains("Uid:\t300000\t300000\t300000\t300000", status);
        Assert.Contains("Gid:\t300000\t300000\t300000\t300000", status);
        Assert.Contains("Groups:\t ", status);
        Assert.Equal("0 300000 65536", string.Join(' ', File.ReadAllText($"/proc/{container.Pid}/uid_map").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task Container_sees_its_maps_and_is_root()
        => Assert.Equal("0 300000 65536\n0 300000 65536\n0 0\n", await root.Sh("cat /proc/self/uid_map /proc/self/gid_map | tr -s ' ' | sed 's/^ //'; echo $(id -u) $(id -g)", container => container.WithUserNs(s_map)));

    [Fact]
    public async Task Users_and_groups_can_have_different_maps()
        => Assert.Equal("0 300000 10\n0 400000 20\n", await root.Sh("cat /proc/self/uid_map /proc/self/gid_map | tr -s ' ' | sed 's/^ //'",
            container => container.WithUserNs([new IdMap(0, 300000, 10)], [new IdMap(0, 400000, 20)])));

    [Fact]
    public async Task Files_of_the_root_belong_to_root_inside()
        => Assert.Equal("0 0 /etc/motd\n0 0 /bin/busybox\n0 0 /\n", await root.Sh("stat -c '%u %g %n' /etc/motd /bin/busybox /", container => container.WithUserNs(s_map)));

    [Fact]
    public void What_it_makes_belongs_to_its_ids_on_the_host_and_the_root_is_unchanged()
    {
        using (Container container = root.Container.WithUserNs(s_map)
            .WithCommand("sh", "-c", "echo changed > /etc/motd; touch /made; chown 1000:1001 /made; mkdir -p /a/b; echo done; exec sleep 1000").Start())
        {
            Assert.Equal("done\n", ReadLine(container));
            string upper = Assert.Single(Directory.EnumerateDirectories(root.Store + "/running")).TrimEnd('/') + $"/{container.Id}/upper";
            Assert.Equal("300000 300000\n301000 301001\n300000 300000\n", Tool.Run("stat", "-c", "%u %g", upper + "/etc/motd", upper + "/made", upper + "/a/b"));
            Assert.Equal("original\n", File.ReadAllText(root.Path + "/etc/motd"));
        }

        Assert.Empty(root.Leftovers());
    }

    [Fact]
    public async Task Command_can_be_another_user_of_the_namespace()
        => Assert.Equal("1000 1000 2000\n", await root.Sh("echo $(id -u) $(id -g) $(id -G | cut -d' ' -f2)", container => container.WithUserNs(s_map).WithUser("worker")));

    [Fact]
    public async Task Capabilities_are_the_usual_ones_and_hold_in_the_namespace_only()
    {
        Assert.Equal("CapEff:\t00000000a00425fb\nCapBnd:\t00000000a00425fb\n", await root.Sh("grep -E 'CapEff|CapBnd' /proc/self/status", container => container.WithUserNs(s_map)));
        Assert.Equal("ok\ndenied\n", await root.Sh("chown 5:5 /etc/motd && echo ok; chown 5:5 /sys 2>/dev/null || echo denied", container => container.WithUserNs(s_map)));
    }

    [Fact]
    public async Task Devices_are_the_hosts_and_work()
        => Assert.Equal("8\n0000\n1 3\n1 5\n1 7\n1 8\n1 9\n5 0\n", await root.Sh(
            "head -c 8 /dev/urandom | wc -c; echo gone > /dev/null; head -c 2 /dev/zero | od -An -tx1 | tr -d ' \\n'; echo; cd /dev; stat -c '%t %T' null zero full random urandom tty",
            container => container.WithUserNs(s_map)));

    [Fact]
    public async Task Device_nodes_cannot_be_made_or_found_in_the_root()
    {
        string directory = root["with-device"];
        Tool.Bash($"cp -a {root.Path} {directory}; mknod -m 666 {directory}/zero c 1 5");

        ContainerResult result = await Container.FromRootfs(directory).WithStore(root.Store).WithUserNs(s_map)
            .WithCommand("sh", "-c", "mknod /made c 1 5; head -c 1 /zero").RunAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Contains("/made: Operation not permitted", result.Error, StringComparison.Ordinal);
        Assert.Contains("/zero: Permission denied", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Own_network_has_lo_and_belongs_to_it()
    {
        Assert.Equal("lo up\n", await root.Sh("ping -c 1 -W 1 127.0.0.1 > /dev/null && echo lo up", container => container.WithUserNs(s_map)));
        Assert.Equal("served\n", await root.Sh("(echo served | nc -l -p 80) & until nc 127.0.0.1 80 < /dev/null 2>/dev/null; do :; done", container => container.WithUserNs(s_map)));
    }

    [Fact]
    public async Task Bridges_give_it_links_and_low_ports_are_its_own()
    {
        Requires.OwnNetwork();

        string seen = await root.Sh("ip -4 address show eth0 | grep -o '10[0-9.]*/24'; ping -c 1 -W 2 10.96.7.1 > /dev/null && echo gateway; (echo served | nc -l -p 80) & until nc 127.0.0.1 80 < /dev/null 2>/dev/null; do :; done",
            container => container.WithUserNs(s_map).WithNet(net => net.Bridge("ctrusers0", "10.96.7.0/24").Address("10.96.7.9")));

        Assert.Equal("10.96.7.9/24\ngateway\nserved\n", seen);
    }

    [Fact]
    public async Task Hosts_namespaces_can_be_shared()
    {
        string host = new FileInfo("/proc/self/ns/net").LinkTarget! + "\n" + new FileInfo("/proc/self/ns/ipc").LinkTarget! + "\n" + new FileInfo("/proc/self/ns/uts").LinkTarget! + "\n";
        Assert.Equal(host, await root.Sh("cd /proc/self/ns; for n in net ipc uts; do readlink $n; done; ls /sys/class/net > /dev/null",
            container => container.WithUserNs(s_map).WithHostNetNs().WithHostIpcNs().WithHostUtsNs()));
        Assert.Contains($"\n{Environment.ProcessId} ", "\n" + await root.Sh("cd /proc; for p in [0-9]*; do echo \"$p \"; done", container => container.WithUserNs(s_map).WithHostPidNs()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bound_root_is_changed_as_its_owner_would_change_it()
    {
        string directory = root["bound-root"];
        Tool.Bash($"cp -a {root.Path} {directory}");

        await root.Sh("echo changed > /etc/motd; touch /made; chown 7:8 /made", _ => Container.FromRootfs(directory).WithStore(root.Store).WithBindRoot().WithUserNs(s_map));

        Assert.Equal("0 0\n7 8\n", Tool.Run("stat", "-c", "%u %g", directory + "/etc/motd", directory + "/made"));
    }

    [Fact]
    public async Task Binds_show_owners_as_the_host_has_them_or_mapped_on_request()
    {
        string plain = root["plain"], mapped = root["mapped"], closed = root["closed"];
        Tool.Bash($"mkdir {plain} {mapped} {closed}; touch {plain}/file {mapped}/file; chown 300005:300006 {plain}/file; chown 5:6 {mapped}/file; mkdir {closed}/inside; echo secret > {closed}/inside/file; chmod 700 {closed}");

        string seen = await root.Sh("stat -c '%u %g' /plain /plain/file /mapped /mapped/file; touch /mapped/made; touch /plain/made 2>/dev/null || echo denied; cat /inside/file; touch /inside/x 2>/dev/null || echo denied",
            container => container.WithUserNs(s_map).WithBind(plain, "/plain").WithBind(mapped, "/mapped", readOnly: false, idmapped: true).WithBind(closed + "/inside", "/inside", readOnly: true, idmapped: true));

        Assert.Equal("65534 65534\n5 6\n0 0\n5 6\ndenied\nsecret\ndenied\n", seen);
        Assert.Equal("0 0\n", Tool.Run("stat", "-c", "%u %g", mapped + "/made"));
    }

    [Fact]
    public async Task One_root_serves_containers_with_different_maps()
    {
        Task<string> first = root.Sh("stat -c %u /etc/motd; cat /proc/self/uid_map | tr -s ' '", container => container.WithUserNs(new IdMap(0, 300000, 1000)));
        Task<string> second = root.Sh("stat -c %u /etc/motd; cat /proc/self/uid_map | tr -s ' '", container => container.WithUserNs(new IdMap(0, 500000, 1000)));

        Assert.Equal("0\n 0 300000 1000\n", await first);
        Assert.Equal("0\n 0 500000 1000\n", await second);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Copied_root_has_the_container_s_owners_and_is_gone_afterwards(bool users)
    {
        string directory = root["to-copy"];
        Tool.Bash($"cp -a {root.Path} {directory}; mkdir {directory}/own; chown 5:6 {directory}/own; chmod 2750 {directory}/own; ln {directory}/etc/motd {directory}/own/hard; mknod {directory}/own/null c 1 3");

        Assert.Equal("5 6 2750\n0 0 644\nchanged\n", await root.Sh("stat -c '%u %g %a' /own /etc/motd; echo changed > /own/hard; cat /etc/motd",
            _ => users ? Container.FromRootfs(directory).WithStore(root.Store).WithCopiedRoot().WithUserNs(s_map) : Container.FromRootfs(directory).WithStore(root.Store).WithCopiedRoot()));
        Assert.Equal("original\n", File.ReadAllText(directory + "/etc/motd"));
        Assert.Empty(root.Leftovers());
        Tool.Run("rm", "-r", directory);
    }

    [Fact]
    public void Copy_of_owners_that_the_maps_have_not_is_an_error()
    {
        string directory = root["to-copy-far"];
        Tool.Bash($"cp -a {root.Path} {directory}; chown 100000 {directory}/etc/motd");

        ContainerException error = Assert.Throws<ContainerException>(() => Container.FromRootfs(directory).WithStore(root.Store).WithCopiedRoot().WithUserNs(s_map).WithCommand("true").Start());

        Assert.Contains("files of user 100000", error.Message, StringComparison.Ordinal);
        Assert.Empty(root.Leftovers());
    }

    [Theory]
    [InlineData("bound")]
    [InlineData("copied")]
    [InlineData("bind")]
    public void Mounts_stay_in_the_container_where_those_of_the_host_are_shared(string kind)
    {
        string shared = root[$"shared-{kind}"]; // the store of a process is its own for as long as it lives
        Tool.Bash($"mkdir {shared}; mount --bind {shared} {shared}; mount --make-shared {shared}; cp -a {root.Path} {shared}/root; mkdir -p {shared}/data/below");
        string before = File.ReadAllText("/proc/self/mountinfo");
        try
        {
            ContainerBuilder builder = Container.FromRootfs(shared + "/root").WithStore(shared + "/store").WithUserNs(s_map).WithCommand("sleep", "1000");
            builder = kind switch
            {
                "bound" => builder.WithBindRoot(),
                "copied" => builder.WithCopiedRoot(),
                _ => builder.WithBind(shared + "/data", "/data").WithTmpfs("/data/below"),
            };
            using Container container = builder.Start();

            Assert.Equal(before, File.ReadAllText("/proc/self/mountinfo"));
            Assert.DoesNotMatch(" (shared|master):", File.ReadAllText($"/proc/{container.Pid}/mountinfo"));
        }
        finally
        {
            Tool.Bash($"umount -l {shared}; rm -rf {shared}");
        }
    }

    [Fact]
    public async Task Time_namespace_and_read_only_root_work_in_it()
    {
        Requires.That(KernelFeatures.Current.TimeNamespaceAtExec, "this test needs time namespaces at exec, Linux 6.3");
        Assert.Equal("far\ndenied\n", await root.Sh("[ $(cut -d. -f1 /proc/uptime) -gt 3600000 ] && echo far; touch /x 2>/dev/null || echo denied",
            container => container.WithUserNs(s_map).WithTimeNs(default, TimeSpan.FromHours(1000)).WithReadOnlyRoot()));
    }

    [Fact]
    public async Task Automatic_maps_have_65536_ids()
        => Assert.Matches("^0 [1-9][0-9]+ 65536\n$", await root.Sh("tr -s ' ' < /proc/self/uid_map | sed 's/^ //'", container => container.WithUserNs()));

    [Fact]
    public async Task Nothing_of_the_preparation_is_seen_or_left()
    {
        string before = File.ReadAllText("/proc/self/mountinfo");

        Assert.DoesNotContain("/lower", (await root.Sh("cut -d' ' -f5 /proc/self/mountinfo", container => container.WithUserNs(s_map))), StringComparison.Ordinal);

        Assert.Equal(before, File.ReadAllText("/proc/self/mountinfo"));
        Assert.Empty(root.Leftovers());
    }

    [Fact]
    public void Every_step_that_fails_is_named_and_nothing_is_left()
    {
        Directory.CreateDirectory(root["data"]);
        ContainerBuilder full = root.Container.WithUserNs(s_map).WithBind(root["data"], "/a/data", readOnly: true).WithReadOnlyRoot().WithUser("worker").WithCommand("true");
        string before = File.ReadAllText("/proc/self/mountinfo");
        int steps = 1, failed = 0;
        for (int step = 0; step < steps; step++)
        {
            string operation = "";
            ContainerLauncher.Intercept.Value = plan =>
            {
                steps = plan.Program.Count;
                operation = plan.Operations[(int)plan.Program[step].Operation].Name;
                plan.Program.Sabotage(step);
            };
            try
            {
                full.Start().Dispose(); // a step that was left out
            }
            catch (LaunchException error)
            {
                failed++;
                Assert.Equal(operation, error.Step);
            }
            finally
            {
                ContainerLauncher.Intercept.Value = null;
            }

            Assert.Empty(root.Leftovers());
        }

        Assert.InRange(failed, 100, steps);
        Assert.Equal(before, File.ReadAllText("/proc/self/mountinfo"));
    }

    [Fact]
    public void Limit_on_user_namespaces_is_named()
    {
        Requires.Tools("unshare");
        // The limit is that of a user namespace, and there nobody else's.
        (int code, _, string error) = Tool.Try("unshare", "--user", "--map-root-user", "sh", "-ec",
            $"echo 0 > /proc/sys/user/max_user_namespaces; TEST_WITH=map=0:0:1 exec dotnet {Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll")} run {root.Path} {root["limited-store"]} true");

        Assert.NotEqual(0, code);
        Assert.Contains("make a user namespace: clone3: ENOSPC", error, StringComparison.Ordinal);
        Assert.Contains("user.max_user_namespaces=0", error, StringComparison.Ordinal);
        Assert.Empty(root.Leftovers());
    }

    [Fact]
    public void Maps_that_no_kernel_takes_are_refused_by_the_builder()
    {
        Assert.Contains("overlap", Assert.Throws<ArgumentException>(() => root.Container.WithUserNs(new IdMap(0, 300000, 10), new IdMap(9, 400000, 10))).Message, StringComparison.Ordinal);
        Assert.Contains("overlap", Assert.Throws<ArgumentException>(() => root.Container.WithUserNs(new IdMap(0, 300000, 10), new IdMap(10, 300009, 10))).Message, StringComparison.Ordinal);
        Assert.Contains("no length", Assert.Throws<ArgumentException>(() => root.Container.WithUserNs(new IdMap(0, 300000, 0))).Message, StringComparison.Ordinal);
        Assert.Contains("id 0", Assert.Throws<ArgumentException>(() => root.Container.WithUserNs(new IdMap(1, 300000, 10))).Message, StringComparison.Ordinal);
        Assert.Contains("past the greatest id", Assert.Throws<ArgumentException>(() => root.Container.WithUserNs(new IdMap(0, uint.MaxValue - 5, 10))).Message, StringComparison.Ordinal);
        Assert.Contains("no such id", Assert.Throws<ContainerException>(() => root.Container.WithUserNs(new IdMap(0, 300000, 10)).WithUser("worker").WithCommand("true").Start()).Message, StringComparison.Ordinal);
        Assert.Contains("owners cannot be mapped", Assert.Throws<ContainerException>(() => root.Container.WithBind("/tmp", "/x", idmapped: true).WithCommand("true").Start()).Message, StringComparison.Ordinal);
        Assert.Empty(root.Leftovers());
    }

    [Fact]
    public async Task Many_start_at_once()
    {
        string[] seen = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => root.Sh("id -u; tr -s ' ' < /proc/self/uid_map", container => container.WithUserNs(new IdMap(0, 300000 + ((uint)i * 1000), 1000)))));

        Assert.Equal(Enumerable.Range(0, 24).Select(i => $"0\n 0 {300000 + (i * 1000)} 1000\n"), seen);
    }

    private static string ReadLine(Container container)
    {
        using StreamReader reader = new(container.StandardOutput!.AsStream(leaveOpen: true));
        return reader.ReadLine() + "\n";
    }
}
