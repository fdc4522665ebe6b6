using System.Diagnostics;
using Xunit;

namespace Containers.Tests.UserNamespaces;

/// <summary>Images of an ordinary user: unpacked with all their owners, and removed with them.</summary>
public sealed class UserImageTests(UserHost user) : IClassFixture<UserHost>
{
    private const string Listing = "cd /tree; stat -c '%u %g %a %n' . $(find . -mindepth 1 | sort)";

    private string Owners => user.Image("owners.tar", user.RootScript + """

        mkdir -p tree/closed tree/gone/inner tree/opaque
        echo secret > tree/closed/file; chown 1000:1000 tree/closed/file; chown 1000:2000 tree/closed; chmod 700 tree/closed
        touch tree/plain tree/setgid tree/setuid tree/nothing; chown 0:42 tree/setgid; chmod 2755 tree/setgid; chown 33:33 tree/setuid; chmod 4711 tree/setuid; chmod 0 tree/nothing
        ln -s plain tree/link; chown -h 7:7 tree/link
        mkfifo tree/fifo; chown 8:8 tree/fifo
        touch tree/gone/inner/file tree/opaque/old
        ln tree/plain tree/hard
        """, """
        mkdir -p tree/opaque; touch tree/.wh.gone tree/opaque/.wh..wh..opq tree/opaque/new; chown 5:5 tree/opaque/new
        """);

    [Theory]
    [InlineData("")]
    [InlineData("copied")]
    public void All_owners_modes_and_whiteouts_are_as_the_image_has_them(string with)
    {
        Assert.Equal("""
            0 0 755 .
            1000 2000 700 ./closed
            1000 1000 644 ./closed/file
            8 8 644 ./fifo
            0 0 644 ./hard
            7 7 777 ./link
            0 0 0 ./nothing
            0 0 755 ./opaque
            5 5 644 ./opaque/new
            0 0 644 ./plain
            0 42 2755 ./setgid
            33 33 4711 ./setuid

            """, user.Sh(Listing, with, root: Owners));
        Assert.Empty(user.Leftovers());
    }

    [Fact]
    public void Changes_to_an_image_stay_in_the_container()
    {
        string image = Owners;
        Assert.Equal("changed\n", user.Sh("cd /tree; rm -r closed opaque; mkdir opaque; echo changed > plain; chown 9:9 setuid; chmod 0 /tree/opaque; cat plain", root: image));
        Assert.Equal("secret\nnew\n0\n", user.Sh("cd /tree; cat closed/file; ls opaque; stat -c %s plain", root: image));
        Assert.Empty(user.Leftovers());
    }

    [Fact]
    public void File_capabilities_are_those_of_the_namespace_s_root()
    {
        Requires.Tools("setcap");
        string image = user.Image("capabilities.tar", user.RootScript + "\ncp bin/busybox cat; setcap cap_dac_override+ep cat; chmod 755 cat; echo secret > closed; chmod 600 closed");

        user.Sh("true", root: image);

        Assert.Contains("cap_dac_override=ep [rootid=1500]", Tool.Bash($"getcap -n $(find {user.Store}/layers -path '*/root/cat')"), StringComparison.Ordinal);
    }

    [Fact]
    public void Device_nodes_of_an_image_are_left_out()
        => Assert.Equal("kept\n", user.Sh("ls /stuff", root: user.Image("devices.tar", user.RootScript + "\nmkdir stuff; mknod stuff/zero c 1 5; mknod stuff/disk b 8 0; touch stuff/kept")));

    [Fact]
    public void Without_sub_ids_other_owners_are_an_error_that_says_so_or_squashed_on_request()
    {
        string image = Owners;
        string failure = user.Failure("", subIds: false, root: image);
        Assert.Contains("chown", failure, StringComparison.Ordinal);
        Assert.Contains("/etc/subuid", failure, StringComparison.Ordinal);
        Assert.Contains("WithSquashedOwners()", failure, StringComparison.Ordinal);

        Assert.Equal("0 0 700\nsecret\n", user.Sh("stat -c '%u %g %a' /tree/closed; cat /tree/closed/file", "squashed", subIds: false, root: image));
        Assert.Equal("1000 2000 700\n", user.Sh("stat -c '%u %g %a' /tree/closed", root: image));
    }

    [Fact]
    public void Ids_past_the_sub_ids_are_an_error()
        => Assert.Contains("/etc/subuid", user.Failure("", root: user.Image("far.tar", user.RootScript + "\ntouch far; chown 100000:0 far")), StringComparison.Ordinal);

    [Fact]
    public void Root_file_systems_in_a_tar_are_unpacked_with_their_owners()
    {
        string tar = user["rootfs.tar"];
        Tool.Bash($"mkdir {tar}.d; cd {tar}.d; {user.RootScript}; mkdir -m 700 mine; chown 1000:1000 mine; tar --numeric-owner -cf {tar} .");

        Assert.Equal("1000 1000\n", user.Sh("stat -c '%u %g' /mine", root: "rootfs:" + tar));
    }

    [Fact]
    public void What_a_killed_host_was_unpacking_is_removed_by_the_next_one()
    {
        string image = user.Image("large.tar", user.RootScript + "\nmkdir -p many; i=0; while [ $i -lt 200 ]; do mkdir many/$i; head -c 300000 /dev/urandom > many/$i/file; chown -R 1000:1000 many/$i; chmod 700 many/$i; i=$((i+1)); done");
        string work = user.Store + "/work";
        using (Process host = user.Start(["load", image, user.Store]))
        {
            Assert.True(SpinWait.SpinUntil(() => Directory.Exists(work) && Directory.EnumerateDirectories(work).Any(directory => Directory.Exists(directory + "/root/many/20")), TimeSpan.FromSeconds(60)));
            host.Kill();
            host.WaitForExit();
        }

        Assert.NotEmpty(Directory.EnumerateDirectories(work));
        Assert.Equal("200\n", user.Sh("ls /many | wc -l", root: image));
        Assert.Empty(Directory.EnumerateFileSystemEntries(work));
    }

    [Fact]
    public void Copy_is_writable_gone_afterwards_and_leaves_the_image()
    {
        string image = Owners;
        Assert.Equal("changed\n1000\n", user.Sh("echo changed > /tree/plain; cat /tree/hard; chown 1000 /tree/plain; stat -c %u /tree/hard", "copied", root: image));
        Assert.Equal("0\n", user.Sh("stat -c %s /tree/plain", root: image));
        Assert.Empty(user.Leftovers());
    }

    [Fact]
    public void Copy_serves_maps_in_which_the_user_is_not_root()
        => Assert.Equal("0 700000 3000\n5000 1500 1\n1000 1000\n0 0\n", user.Sh("tr -s ' ' < /proc/self/uid_map | sed 's/^ //'; stat -c '%u %g' /tree/closed/file /", "map=0:700000:3000,5000:1500:1 copied", root: Owners));

    [Fact]
    public void Image_with_maps_in_which_the_user_is_not_root_is_an_error_that_offers_a_copy()
        => Assert.Contains("WithCopiedRoot()", user.Failure("map=0:700000:5000", root: Owners), StringComparison.Ordinal);
}
