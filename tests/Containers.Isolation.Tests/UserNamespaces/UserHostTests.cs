using System.Diagnostics;
using Xunit;

namespace Containers.Tests.UserNamespaces;

/// <summary>A host that is an ordinary user.</summary>
[Trait("vm", "root")]
public sealed class UserHostTests : IClassFixture<UserHost>
{
    private static readonly Lazy<bool> s_overlays = new(() => HostCapabilities.Probe().Has(HostFeature.OverlayInUserNamespace));

    private readonly UserHost _user;

    public UserHostTests(UserHost user)
    {
        _user = user;
        Requires.That(s_overlays.Value, "this test needs overlays of an ordinary user, Linux 5.11");
    }

    private const string Maps = "cat /proc/self/uid_map /proc/self/gid_map | tr -s ' ' | sed 's/^ //'";

    [Fact]
    public void Sub_ids_are_mapped_by_themselves()
        => Assert.Equal("0 1500 1\n1 700000 65536\n0 1500 1\n1 700000 65536\n", _user.Sh(Maps));

    [Fact]
    public void Without_sub_ids_root_inside_is_the_user()
        => Assert.Equal("0 1500 1\n0 1500 1\n0 0\n", _user.Sh(Maps + "; echo $(id -u) $(id -g)", subIds: false));

    [Fact]
    public void Maps_can_be_chosen_among_the_sub_ids()
        => Assert.Equal("0 700100 1000\n0 700100 1000\n0 changed\n", _user.Sh(Maps + "; echo changed > /tmp/x; echo $(stat -c %u /tmp/x) $(cat /tmp/x)", "map=0:700100:1000", root: Shifted()));

    [Fact]
    public void Own_id_can_be_another_one_inside()
        => Assert.Equal("0 700000 1000\n1000 1500 1\n0 700000 1000\n1000 1500 1\n1000 1000\n", _user.Sh(Maps + "; stat -c '%u %g' /etc/motd", "map=0:700000:1000,1000:1500:1 without-etc"));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Root_directory_is_seen_as_root_s_and_changes_stay_in_the_container(bool subIds)
    {
        Assert.Equal("0 0\nchanged\n", _user.Sh("stat -c '%u %g' /etc/motd; echo changed > /etc/motd; rm -r /var; mkdir /made; chmod 0 /made; cat /etc/motd", subIds: subIds));

        Assert.Equal("original\n", File.ReadAllText(_user.Root + "/etc/motd"));
        Assert.True(Directory.Exists(_user.Root + "/var"));
        Assert.Empty(_user.Leftovers());
    }

    [Fact]
    public void Files_of_other_ids_are_made_and_removed()
    {
        Assert.Equal("1000 2000\n0\n", _user.Sh("mkdir -p /a/b/c; touch /a/b/c/d; chown -R 1000:2000 /a; chmod 700 /a /a/b; stat -c '%u %g' /a/b/c/d; id -u"));
        Assert.Empty(_user.Leftovers());
    }

    [Fact]
    public void Command_can_be_another_user()
        => Assert.Equal("1000 1000 2000\n", _user.Sh("echo $(id -u) $(id -g) $(id -G | cut -d' ' -f2)", "user=worker"));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void File_systems_devices_and_names_are_the_container_s(bool subIds)
        => Assert.Equal("8\n1\nlo up\nmine\nro\nok\n", _user.Sh(
            "head -c 8 /dev/urandom | wc -c; ls -d /proc/[0-9]* | grep -c '/1$'; ping -c 1 -W 1 127.0.0.1 > /dev/null && echo lo up; hostname mine 2>/dev/null; [ $(hostname) = $(cat /etc/hostname) ] && echo mine; touch /sys/x 2>/dev/null || echo ro; : > /dev/shm/x; ls /dev/pts/ptmx /dev/mqueue > /dev/null && echo ok",
            subIds: subIds));

    [Theory]
    [InlineData("host-net", "net")]
    [InlineData("host-ipc", "ipc")]
    [InlineData("host-uts", "uts")]
    public void Hosts_namespaces_can_be_shared(string with, string kind)
        => Assert.Equal(new FileInfo("/proc/self/ns/" + kind).LinkTarget + "\n", _user.Sh($"readlink /proc/self/ns/{kind}; ls /sys/class > /dev/null", with));

    [Fact]
    public void Hosts_processes_can_be_seen()
        => Assert.Contains($" {Environment.ProcessId} ", _user.Sh("cd /proc; for p in [0-9]*; do echo \" $p \"; done", "host-pid"), StringComparison.Ordinal);

    [Fact]
    public void Time_namespace_read_only_root_and_bound_root_work()
    {
        string time = Containers.Launch.KernelFeatures.Current.TimeNamespaceAtExec ? "time " : "";
        Assert.Equal((time.Length > 0 ? "far\n" : "") + "denied\n", _user.Sh("[ $(cut -d. -f1 /proc/uptime) -gt 3600000 ] && echo far; touch /x 2>/dev/null || echo denied", time + "read-only"));
        _user.Sh("echo bound > /tmp/bound; chown 5:6 /tmp/bound", "bind-root");
        Assert.Equal($"{UserHost.FirstSubId + 4} {UserHost.FirstSubId + 5}\n", Tool.Run("stat", "-c", "%u %g", _user.Root + "/tmp/bound"));
    }

    [Fact]
    public void Binds_are_the_user_s_own()
    {
        string data = _user["home/data"];
        Tool.Bash($"mkdir {data}; echo hello > {data}/file; chown -R 1500:1500 {data}; chmod 700 {data}");

        Assert.Equal("hello\n0\ndenied\n", _user.Sh("cat /data/file; stat -c %u /data/file; touch /ro/x 2>/dev/null || echo denied; touch /data/made", $"bind={data}:/data bind={data}:/ro:ro"));
        Assert.Equal("1500\n", Tool.Run("stat", "-c", "%u", data + "/made"));
    }

    [Theory]
    [InlineData("map=0:700000:70000", "is not this user's to give: /etc/subuid gives it 700000 to 765535")]
    [InlineData("map=0:0:1", "is not this user's to give")]
    [InlineData("map=0:700000:10,5:700020:10", "overlap")]
    [InlineData("map=0:700000:10,10:700005:10", "overlap")]
    [InlineData("map=0:700000:0", "has no length")]
    [InlineData("map=1:700000:10", "No map of user ids has id 0")]
    [InlineData("map=0:700000:500 user=worker", "The command cannot run as user 1000")]
    [InlineData("host-users", "needs root")]
    [InlineData("bridge", "net.Pasta()")]
    public void What_cannot_be_is_said_before_anything_starts(string with, string message)
        => Assert.Contains(message, _user.Failure(with), StringComparison.Ordinal);

    [Fact]
    public void User_that_the_namespace_has_not_is_an_error_that_names_sub_ids()
        => Assert.Contains("/etc/subuid", _user.Failure("user=worker", subIds: false), StringComparison.Ordinal);

    [Theory]
    [InlineData("report")]
    [InlineData("learn")]
    [InlineData("report user=worker")]
    [InlineData("report host-pid")]
    [InlineData("report map=0:1500:1,1:700000:2000")]
    public void Process_that_joins_is_watched(string with)
    {
        (int code, string output, string error) = _user.Run(["exec", _user.Root, _user.Store, "sh", "-c", "unshare -U true 2> /dev/null || echo refused; cut -d' ' -f1 /proc/self/uid_map | wc -l"], with);

        Assert.Equal("", error);
        Assert.Equal((0, "refused\n2\nexited with 0\nunshare\n"), (code, output));
        Assert.Empty(_user.Leftovers());
    }

    [Theory]
    [InlineData("report all-capabilities")]
    [InlineData("report without-etc map=0:700000:1000,1000:1500:1")]
    public void Process_that_joins_where_its_listener_is_not_safe_is_an_error(string with)
        => Assert.Contains("The system calls of a further process of this container cannot be watched", _user.Run(["exec", _user.Root, _user.Store, "true"], with).Error, StringComparison.Ordinal);

    [Fact]
    public void Containers_of_a_host_that_was_killed_are_removed_by_the_next_one()
    {
        using (Process host = _user.Start(["start", _user.Root, _user.Store, "sh", "-c", "mkdir -p /a/b; touch /a/b/c; chown -R 1000 /a; chmod 0 /a; exec sleep 1000"]))
        {
            int pid = int.Parse(host.StandardOutput.ReadLine()!);
            Assert.True(SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{pid}/cmdline").StartsWith("sleep", StringComparison.Ordinal), TimeSpan.FromSeconds(30)));
            host.Kill();
            host.WaitForExit();
            Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{pid}"), TimeSpan.FromSeconds(30)), "the container outlived its host");
        }

        Assert.NotEmpty(_user.Leftovers());
        _user.Sh("true");
        Assert.Empty(_user.Leftovers());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Packets_go_through_pasta(bool subIds)
    {
        Requires.OwnNetwork();
        Requires.Tools("pasta", "ip");
        Tool.Bash("ip link add up0 type veth peer name up1; ip address add 10.97.0.2/24 dev up0; ip link set up0 up; ip link set up1 up; ip route add default via 10.97.0.1");
        try
        {
            Assert.Equal("10.97.0.2/24\n", _user.Sh("ip -4 address show eth0 | grep -o '10[0-9./]*/24'", "pasta", subIds));
            Assert.Equal("nameserver 127.0.0.1\n", _user.Sh("head -n 1 /etc/resolv.conf", "pasta", subIds));
        }
        finally
        {
            Tool.Bash("ip link del up0");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("user=worker")] // whose children make this process's files in /proc root's for a moment, where the next ones' maps are written
    public void Many_start_at_once(string with)
    {
        (int code, string output, string error) = _user.Run(["many", _user.Root, _user.Store, "sh", "-c", "tr -s ' ' < /proc/self/uid_map | tail -n 1"], with);

        Assert.Equal((0, "1 700000 65536\n"), (code, output));
        Assert.Equal("", error);
        Assert.Empty(_user.Leftovers());
    }

    // A root whose files belong to other sub-ids.
    private string Shifted()
    {
        string shifted = _user["shifted"];
        Tool.Bash($"cp -a {_user.Root} {shifted}; chown -hR 700100:700100 {shifted}");
        return shifted;
    }
}
