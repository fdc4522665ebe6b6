using Xunit;

namespace Containers.Tests.Credentials;

/// <summary>Nodes of the host's devices, which root inside must not get at, whether it makes them or its image has them. None of these has a cgroup.</summary>
[Trait("vm", "root")]
public sealed class DeviceNodeTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private const string Attempts = "mknod -m 666 /made c 1 5; mknod -m 666 /dev/made c 1 5; mknod -m 666 /dev/shm/made b 7 0; for f in /made /dev/made /dev/shm/made /found; do head -c 1 $f > /dev/null && echo opened $f; done; true";

    public static TheoryData<string> Roots => ["overlay", "bind", "read-only overlay", "read-only bind", "copy", "overlay with users", "bind with users"];

    [Theory]
    [MemberData(nameof(Roots))]
    public async Task Nodes_can_neither_be_made_nor_found_in_the_image(string kind)
    {
        ContainerResult result = await Of(kind).WithCommand("sh", "-c", Attempts).RunAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("", result.Output);
        Assert.Contains("/found: Permission denied", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Roots))]
    public async Task Nor_by_a_process_that_is_executed_later(string kind)
    {
        await using Container container = await Of(kind).WithCommand("sleep", "1000").StartAsync(TestContext.Current.CancellationToken);
        ContainerResult result = await container.RunAsync((string[])["sh", "-c", Attempts], cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("", result.Output);
        Assert.Contains("/found: Permission denied", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_the_capability_they_work_everywhere()
        => Assert.Equal("opened /made\nopened /dev/made\nopened /found\n", await root.Sh(Attempts, _ => Of("overlay").WithCapabilities(Capability.Mknod)));

    [Fact]
    public async Task With_a_cgroup_the_usual_ones_of_the_image_work()
        => Assert.Equal("opened /found\n", await root.Sh(Attempts, _ => Of("overlay").WithCgroup()));

    private ContainerBuilder Of(string kind)
    {
        string directory = root[kind.Replace(' ', '-')];
        Tool.Bash($"[ -e {directory} ] || {{ cp -a {root.Path} {directory}; mknod -m 666 {directory}/found c 1 5; }}");
        ContainerBuilder container = Container.FromRootfs(directory).WithStore(root.Store);
        container = kind.Contains("bind", StringComparison.Ordinal) ? container.WithBindRoot() : kind == "copy" ? container.WithCopiedRoot() : container.WithOverlayRoot();
        container = kind.StartsWith("read-only", StringComparison.Ordinal) ? container.WithReadOnlyRoot() : container;
        return kind.EndsWith("users", StringComparison.Ordinal) ? container.WithUserNs(new IdMap(0, 300000, 65536)) : container;
    }
}
