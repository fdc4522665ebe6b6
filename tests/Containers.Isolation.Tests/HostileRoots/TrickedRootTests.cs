using System.Net.Sockets;
using Xunit;

namespace Containers.Tests.HostileRoots;

/// <summary>Roots in which a place that the runtime mounts on, reads or enters is something else: the start fails, or is right; and the host is as it was.</summary>
public sealed class TrickedRootTests : IClassFixture<BusyboxRoot>
{
    private static readonly string[] s_places = ["/proc", "/sys", "/dev", "/etc", "/etc/resolv.conf", "/work", "/target", "/scratch"], s_likeOthers = ["/dev/shm", "/etc/hosts", "/etc/hostname"];

    // With $at: the place in the root; $host: a directory of the host, outside of it; $root: the root.
    private static readonly Dictionary<string, string> s_tricks = new()
    {
        ["a link to the host"] = "ln -s $host $at",
        ["a link to the host that leads somewhere inside, too"] = "ln -s $host $at; mkdir -p $root$host",
        ["a link upwards"] = "ln -s ../../../../../../../../../../..$host $at",
        ["a link to a link upwards"] = "ln -s one $at; ln -s two ${at%/*}/one; ln -s ../../../../../../../../../../..$host ${at%/*}/two",
        ["a link to a file of the host"] = "ln -s $host/file $at",
        ["a link to the root of the process"] = "ln -s /proc/self/root$host $at",
        ["a link to the root of process 1"] = "ln -s /proc/1/root$host $at",
        ["a link to the directory of the process"] = "ln -s /proc/self/cwd/.. $at",
        ["a link to a descriptor"] = "ln -s /proc/self/fd/3 $at",
        ["a link to itself"] = "ln -s ${at##*/} $at",
        ["a fifo"] = "mkfifo $at",
        ["a character device"] = "mknod $at c 1 1", // /dev/mem
        ["a block device"] = "mknod $at b 7 250",
        ["a file"] = "echo content > $at",
        ["a socket"] = ":", // made by the test
        ["nothing"] = ":",
    };

    private readonly BusyboxRoot _root;

    public TrickedRootTests(BusyboxRoot root)
    {
        _root = root;
        Tool.Bash($"mkdir -p {root["host"]}/below {root["seen"]}; echo sentinel > {root["host"]}/file; echo deep > {root["host"]}/below/file; echo seen > {root["seen"]}/mark");
        // A small one: it is copied some hundred times.
        Tool.Bash($"small={root["small"]}; [ -e $small ] || {{ mkdir -p $small/bin $small/etc $small/proc $small/sys $small/dev; cp {root.Path}/bin/busybox $small/bin; for name in sh cat grep awk wc stat readlink; do ln -s busybox $small/bin/$name; done; }}");
    }

    public static TheoryData<string, string> Places
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string trick in s_tricks.Keys)
            {
                foreach (string place in s_places)
                {
                    data.Add(place, trick);
                }
            }

            foreach (string place in s_likeOthers)
            {
                data.Add(place, "a link to the host");
                data.Add(place, "a link to itself");
                data.Add(place, "a fifo");
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task Start_fails_or_is_right(string place, string trick)
    {
        foreach (bool overlay in (bool[])[true, false])
        {
            string image = _root["image"];
            Tool.Bash($"rm -rf {image}; cp -al {_root["small"]} {image}; root={image}; host={_root["host"]}; at={image}{place}; mkdir -p ${{at%/*}}; rm -rf $at; {s_tricks[trick]}");
            using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            if (trick == "a socket")
            {
                socket.Bind(new UnixDomainSocketEndPoint(image + place));
            }

            IReadOnlyList<string> host = TreeListing.Of(_root["host"]), before = TreeListing.Of(image);
            string mounts = await File.ReadAllTextAsync("/proc/self/mountinfo", TestContext.Current.CancellationToken);
            ContainerBuilder builder = Container.FromRootfs(image).WithStore(_root.Store).WithTimeout(TimeSpan.FromSeconds(60)).WithHostname("tricked")
                .WithBind(_root["seen"], "/target", readOnly: true).WithTmpfs("/scratch", 1 << 20).WithWorkingDirectory("/work")
                .WithStandardStreams(StandardStream.Null, StandardStream.Pipe, StandardStream.Pipe)
                .WithCommand("/bin/busybox", "sh", "-c", """
                    for place in /proc /sys /dev /dev/shm; do awk -v place=$place '$5 == place' /proc/self/mountinfo | wc -l; done
                    cat /etc/hostname /etc/resolv.conf /target/mark; grep -c tricked /etc/hosts
                    echo own > /scratch/made && grep -vE '/(hosts|hostname|resolv.conf) ' /proc/self/mountinfo | grep -c ' - tmpfs tmpfs .*size=1024k'
                    echo own > made; echo own > /etc/made; echo own > /dev/shm/made
                    stat -c '%t:%T' /dev/null
                    """);
            if (!overlay)
            {
                builder = builder.WithBindRoot();
            }

            try
            {
                ContainerResult result = await builder.RunAsync(cancellationToken: TestContext.Current.CancellationToken);
                Assert.Equal((ExitReason.Exited, 0, "1\n1\n1\n1\ntricked\n# no network\nseen\n1\n1\n1:3\n", ""), (result.Reason, result.ExitCode, result.Output, result.Error));
            }
            catch (ContainerException e)
            {
                Assert.NotEqual("nothing", trick);
                Assert.True(e.Hint is not null, $"No hint: {e.Message}");
            }

            Assert.Equal(host, TreeListing.Of(_root["host"]));
            Assert.Equal(mounts, await File.ReadAllTextAsync("/proc/self/mountinfo", TestContext.Current.CancellationToken));
            Assert.Empty(_root.Leftovers());
            if (overlay)
            {
                Assert.Equal(before, TreeListing.Of(image));
            }
        }
    }

    [Fact]
    public void Working_directory_never_is_a_descriptor_of_the_runtime()
    {
        // As CVE-2024-21626 had it: whatever number it is, and whether the image's own link or the caller's path leads there.
        string image = _root["image"];
        Tool.Bash($"rm -rf {image}; cp -al {_root["small"]} {image}; ln -s /proc/self/fd {image}/fds");
        ContainerBuilder builder = Container.FromRootfs(image).WithStore(_root.Store).WithCommand("/bin/busybox", "true");
        foreach (int number in (IEnumerable<int>)[.. Enumerable.Range(0, 40), 200])
        {
            foreach (string path in (string[])[$"/proc/self/fd/{number}", $"/fds/{number}", $"/fds/{number}/below", $"/proc/1/fd/{number}", "/proc/self/cwd", "/proc/self/root/tmp"])
            {
                LaunchException error = Assert.Throws<LaunchException>(() => builder.WithWorkingDirectory(path).Start());
                Assert.Contains(error.Errno, (Errno[])[Errno.ELOOP, Errno.ENOENT, Errno.EACCES]); // of a number that is not open, there is no link
            }
        }
    }

    [Theory]
    [InlineData("echo fake > $root/dev/null")]
    [InlineData("ln -s $host/file $root/dev/null")]
    [InlineData("mknod $root/dev/null b 7 250")]
    [InlineData("mkfifo $root/dev/null")]
    public async Task Devices_of_the_image_are_not_used(string replace)
    {
        string image = _root["image"];
        Tool.Bash($"rm -rf {image}; cp -a {_root.Path} {image}; root={image}; host={_root["host"]}; rm -f $root/dev/null; {replace}");
        IReadOnlyList<string> host = TreeListing.Of(_root["host"]), before = TreeListing.Of(image);

        ContainerResult result = await Container.FromRootfs(image).WithStore(_root.Store).WithStandardStreams(StandardStream.Null, StandardStream.Pipe, StandardStream.Null)
            .WithCommand("sh", "-c", "echo lost >&2; echo lost > /dev/null; cat; stat -c '%F %t:%T' /dev/null; readlink /proc/self/fd/0; readlink /proc/1/fd/2; wc -c < /proc/keys").RunAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("character special file 1:3\n/dev/null\n/dev/null\n0\n", result.Output);
        Assert.Equal(host, TreeListing.Of(_root["host"]));
        Assert.Equal(before, TreeListing.Of(image));
    }
}
