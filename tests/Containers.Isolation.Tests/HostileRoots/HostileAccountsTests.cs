using Xunit;

namespace Containers.Tests.HostileRoots;

/// <summary>/etc/passwd and /etc/group that are no files: the host reads them before the container starts.</summary>
public sealed class HostileAccountsTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("mkfifo $etc/passwd")]
    [InlineData("mkfifo $etc/group")]
    [InlineData("mkfifo $etc/fifo; ln -s fifo $etc/passwd")]
    [InlineData("mknod $etc/passwd c 1 5")] // /dev/zero, which never ends
    [InlineData("mknod $etc/passwd c 5 0")]
    [InlineData("ln -s /dev/zero $etc/passwd; mknod ${etc%/etc}/dev/zero c 1 5")]
    [InlineData("ln -s passwd $etc/passwd")]
    [InlineData("ln -s /proc/self/fd/0 $etc/passwd")]
    [InlineData("mkdir $etc/passwd")]
    [InlineData("truncate -s 1T $etc/passwd")]
    [InlineData("ln -s ../../../../../../../../../../../$host/passwd $etc/passwd")]
    [InlineData("ln -s $host/passwd $etc/passwd")]
    [InlineData("rm -rf $etc; ln -s $host $etc")]
    [InlineData("rm -rf $etc; mkfifo $etc")]
    public async Task Users_are_looked_up_without_hanging_and_not_on_the_host(string trick)
    {
        string image = root["image"];
        Tool.Bash($"mkdir -p {root["host"]}; echo 'victim:x:4242:4242::/:/bin/sh' > {root["host"]}/passwd; rm -rf {image}; cp -a {root.Path} {image}; etc={image}/etc; host={root["host"]}; rm -f $etc/passwd $etc/group; {trick}");
        IReadOnlyList<string> host = TreeListing.Of(root["host"]);
        ContainerBuilder builder = Container.FromRootfs(image).WithStore(root.Store).WithoutEtcFiles();

        // By a name that the host alone knows: refused, whatever is in the way.
        Task<Exception?> named = Task.Run(() => Record.Exception(() => builder.WithUser("victim").WithCommand("true").Start().Dispose()), TestContext.Current.CancellationToken);
        Exception? refused = await named.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.IsType<ContainerException>(refused, exactMatch: false);

        // By number it may be right.
        Task<Exception?> numbered = Task.Run(() => Record.Exception(() =>
        {
            using Container container = builder.WithUser("1000:1000").WithCommand("/bin/busybox", "grep", "Uid:", "/proc/self/status").Start();
            Assert.Equal("Uid:\t1000\t1000\t1000\t1000\n", container.ReadOutputAsync().Result);
        }), TestContext.Current.CancellationToken);
        Assert.True(await numbered.WaitAsync(s_patience, TestContext.Current.CancellationToken) is null or ContainerException);
        Assert.Equal(host, TreeListing.Of(root["host"]));
    }
}
