using Xunit;

namespace Containers.Tests.UserNamespaces;

/// <summary>Roots that are copied, with the owners that the container's users are on the host: on every kernel.</summary>
[Trait("vm", "root")]
public sealed class CopiedRootTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static readonly IdMap s_map = new(0, 300000, 65536);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("vm", "brief-root")]
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

    [Fact]
    [Trait("vm", "brief-root")]
    public void Kernel_that_maps_no_owners_says_what_would_help()
    {
        Assert.SkipWhen(HostCapabilities.Probe().Has(HostFeature.IdmappedMounts), "this test needs a kernel that maps no owners: before Linux 5.12");

        KernelException error = Assert.Throws<KernelException>(() => root.Container.WithUserNs(s_map).WithCommand("true").Start());

        Assert.Equal(Errno.ENOSYS, error.Errno);
        Assert.Contains("WithCopiedRoot()", error.Hint, StringComparison.Ordinal);
        Assert.Empty(root.Leftovers());
    }
}
