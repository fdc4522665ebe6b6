using System.Diagnostics;
using Xunit;

namespace Containers.Tests.UserNamespaces;

/// <summary>Roots from fuse-overlayfs, of a host that is an ordinary user: what they are for.</summary>
[Trait("vm", "root")]
public sealed class FuseOverlayUserTests : IClassFixture<UserHost>
{
    private const string Listing = "cd /tree; stat -c '%u %g %a %n' . $(find . -mindepth 1 | sort)";

    private readonly UserHost _user;

    public FuseOverlayUserTests(UserHost user)
    {
        Requires.Tools("fuse-overlayfs");
        Requires.That(File.Exists("/dev/fuse"), "this test needs /dev/fuse");
        _user = user;
    }

    private string Layers => _user.Image("fuse.tar", _user.RootScript + """

        mkdir -p tree/closed tree/gone/inner tree/opaque
        echo secret > tree/closed/file; chown 1000:1000 tree/closed/file; chown 1000:2000 tree/closed; chmod 700 tree/closed
        touch tree/plain tree/setuid; chown 33:33 tree/setuid; chmod 4711 tree/setuid
        ln -s plain tree/link; chown -h 7:7 tree/link; mkfifo tree/fifo; chown 8:8 tree/fifo
        touch tree/gone/inner/file tree/opaque/old
        ln tree/plain tree/hard
        """, """
        mkdir -p tree/opaque; touch tree/.wh.gone tree/opaque/.wh..wh..opq tree/opaque/new; chown 5:5 tree/opaque/new
        """);

    [Fact]
    [Trait("vm", "brief-root")]
    public void Owners_modes_and_whiteouts_are_as_the_image_has_them()
    {
        Assert.Equal("""
            0 0 755 .
            1000 2000 700 ./closed
            1000 1000 644 ./closed/file
            8 8 644 ./fifo
            0 0 644 ./hard
            7 7 777 ./link
            0 0 755 ./opaque
            5 5 644 ./opaque/new
            0 0 644 ./plain
            33 33 4711 ./setuid

            """, _user.Sh(Listing, "fuse", root: Layers));
        Assert.Empty(_user.Leftovers());
    }

    [Fact]
    [Trait("vm", "brief-root")]
    public void Changes_to_an_image_stay_in_the_container()
    {
        string image = Layers;
        Assert.Equal("changed\nnew\nleft\n9 9 711\n", _user.Sh(
            "cd /tree; rm -r closed opaque; mkdir opaque; echo changed > plain; chown 9:9 setuid; chmod 0 /tree/opaque; cat plain; touch opaque/new; ls opaque; mkdir -p gone; [ -e gone/inner ] || echo left; stat -c '%u %g %a' setuid", "fuse", root: image));
        Assert.Equal("secret\nnew\n0\n", _user.Sh("cd /tree; cat closed/file; ls opaque; stat -c %s plain", "fuse", root: image));
        Assert.Empty(_user.Leftovers());
    }

    [Fact]
    public void Files_get_the_owners_that_they_have_inside()
    {
        Assert.Equal("1000 2000\n0\n1000 1000\n", _user.Sh("mkdir -p /a/b/c; touch /a/b/c/d; chown -R 1000:2000 /a; chmod 700 /a /a/b; stat -c '%u %g' /a/b/c/d; id -u; chmod 1777 /tmp; su worker -s /bin/sh -c 'touch /tmp/own'; stat -c '%u %g' /tmp/own", "fuse"));
        Assert.Equal("original\n", File.ReadAllText(_user.Root + "/etc/motd"));
        Assert.Empty(_user.Leftovers());
    }

    [Theory]
    [InlineData("fuse", false)]
    [InlineData("fuse read-only", true)]
    [InlineData("fuse host-net host-pid", true)]
    public void It_goes_with_other_wishes(string with, bool subIds)
    {
        Assert.Equal("0\noriginal\n", _user.Sh("id -u; cat /etc/motd", with, subIds));
        Assert.Empty(_user.Leftovers());
    }

    [Fact]
    public void Command_can_be_another_user()
        => Assert.Equal("1000 1000\ndenied\n", _user.Sh("echo $(id -u) $(id -g); touch /etc/made 2> /dev/null || echo denied", "fuse user=worker"));

    [Fact]
    public void Disk_can_be_limited_and_who_writes_learns_it()
    {
        Assert.Equal("full\n1\n", _user.Sh("head -c 8000000 /dev/zero > /tmp/big 2> /dev/null || echo full; [ $(stat -c %s /tmp/big) -le 4194304 ] && echo 1", "fuse disk=4194304"));
        Assert.Empty(_user.Leftovers());
    }

    [Fact]
    public void Many_start_at_once()
    {
        (int code, string output, string error) = _user.Run(["many", _user.Root, _user.Store, "sh", "-c", "cat /etc/motd; echo changed > /etc/motd"], "fuse");

        Assert.Equal((0, "original\n"), (code, output));
        Assert.Equal("", error);
        Assert.Empty(_user.Leftovers());
    }

    [Fact]
    [Trait("vm", "brief-root")]
    public void Host_that_was_killed_leaves_neither_process_nor_mount_and_the_next_one_removes_the_rest()
    {
        int[] before = Programs();
        using (Process host = _user.Start(["start", _user.Root, _user.Store, "sh", "-c", "mkdir -p /a/b; chown -R 1000 /a; chmod 0 /a; exec sleep 1000"], "fuse"))
        {
            int pid = int.Parse(host.StandardOutput.ReadLine()!);
            Assert.True(SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{pid}/cmdline").StartsWith("sleep", StringComparison.Ordinal), TimeSpan.FromSeconds(30)));
            int program = Assert.Single(Programs().Except(before));
            host.Kill();
            host.WaitForExit();
            Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{pid}") && !Directory.Exists($"/proc/{program}"), TimeSpan.FromSeconds(30)), "the container or its program outlived the host");
        }

        Assert.DoesNotContain(File.ReadLines("/proc/self/mountinfo"), mount => mount.Contains("fuse-overlayfs", StringComparison.Ordinal));
        Assert.NotEmpty(_user.Leftovers());
        _user.Sh("true", "fuse");
        Assert.Empty(_user.Leftovers());
    }

    [Fact]
    public void Store_that_root_inside_finds_no_way_to_is_an_error_with_the_program_s_own_words()
    {
        Tool.Bash($"chmod 700 {_user.Home}");

        string error = _user.Failure("fuse map=0:700100:1000");

        Tool.Bash($"chmod 755 {_user.Home}");
        Assert.Contains("fuse-overlayfs does not start: fuse-overlayfs: cannot retrieve path for ", error, StringComparison.Ordinal);
        Assert.Contains("Permission denied", error, StringComparison.Ordinal);
        Assert.Empty(_user.Leftovers());
    }

    [Fact]
    public void Device_that_is_closed_is_an_error_before_anything_starts()
    {
        string error = _user.Failure("fuse", fuseMode: "600");

        Assert.Contains("The root cannot be from fuse-overlayfs: /dev/fuse cannot be opened: EACCES", error, StringComparison.Ordinal);
        Assert.Contains("FuseOverlayfs", _user.Run(["probe"], fuseMode: "600").Output.Split('\n').Single(line => line.Contains("/dev/fuse cannot be opened", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void Container_that_could_trace_the_program_is_an_error()
        => Assert.Contains("the capability to trace processes", _user.Failure("fuse host-pid all-capabilities"), StringComparison.Ordinal);

    private static int[] Programs()
        => [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Where(name => IsProgram(name!)).Select(name => int.Parse(name!))];

    private static bool IsProgram(string process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/comm") == "fuse-overlayfs\n";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it has ended
        }
    }
}
