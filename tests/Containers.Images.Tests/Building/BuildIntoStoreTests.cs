using Containers.Tests.Images;
using Containers.Tests.Storage;
using Xunit;

namespace Containers.Tests.Building;

/// <summary>Images are built in a store, and on images of it.</summary>
[Trait("here", "yes")]
public sealed class BuildIntoStoreTests : IClassFixture<HostState>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly ImageStore _store;

    public BuildIntoStoreTests()
    {
        Requires.Owners();
        Requires.Tools("busybox");
        _store = new ImageStore(_directory["store"]);
    }

    public void Dispose() => _directory.Dispose();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Image_that_is_built_in_a_store_is_the_one_that_is_saved()
    {
        ImageBuilder builder = new ImageBuilder().AddProgram("busybox").AddText("/etc/motd", "hello\n").NextLayer().Remove("/etc/motd").AddText("/new", "n").WithCommand("busybox", "cat", "/new");
        Image built = await builder.BuildAsync(_store, "mine", Cancelled);
        Assert.Equal(builder.Save(_directory["image.tar"], "mine"), built.Id);
        Assert.Equal(built.Id, _store.Get("mine:latest")!.Id);
        Assert.Equal(built.Id, (await builder.BuildAsync(new ImageStore(_directory["other"]), "mine", Cancelled)).Id);
        Assert.Equal("n", (await Container.FromImage(built).WithStore(_store.Path).RunAsync(cancellationToken: Cancelled)).Output);
        Assert.True((await _store.VerifyAsync(cancellationToken: Cancelled)).IsSound);
    }

    [Fact]
    public async Task Image_is_built_on_another_and_changes_only_what_is_said()
    {
        Image below = _store.Load(new MadeImages(_directory).Archive("base:1", "mkdir -p d/sub real; echo 1 > d/f; echo 2 > d/sub/f; ln -s real link; mkdir tmp; chmod 1777 tmp; chown 5:6 d; chmod 750 d"), Cancelled);
        ImageBuilder builder = ImageBuilder.From(below).AddText("/d/new", "new").AddText("/link/through", "through").Remove("/d/f").AddText("/tmp/t", "t").WithEnvironment("A", "b").NextLayer().Remove("/d/sub").AddDirectory("/d/sub").AddText("/d/sub/g", "g");
        Image built = await builder.BuildAsync(_store, "built:1", Cancelled);

        Assert.Equal(below.Layers.Select(layer => layer.DiffId), built.Layers.Take(below.Layers.Count).Select(layer => layer.DiffId));
        Assert.Equal(below.Layers.Count + 2, built.Layers.Count);
        Assert.Equal(["sh"], built.Config.Cmd);
        Assert.Contains("A=b", built.Config.Env);
        Assert.Equal("d/new d/sub d/sub/g through\n750 5 6 1777 0\n", OverlayMount.Bash(_directory, built, """
            echo $(find d -mindepth 1 | sort) $(cat real/through)
            echo $(stat -c '%a %u %g' d) $(stat -c '%a %u' tmp)
            """));

        Assert.Equal(built.Id, (await builder.BuildAsync(_store, "again:1", Cancelled)).Id);
        Assert.Equal(built.Id, builder.Save(_directory["built.tar"], "built:1"));
        Assert.Equal(built.Id, new ImageStore(_directory["other"]).Load(_directory["built.tar"], Cancelled).Id);
        Assert.Equal(built.Id, (await builder.BuildAsync(new ImageStore(_directory["third"]), "built:1", Cancelled)).Id); // the base comes along
        Assert.Contains("nothing at", Assert.Throws<ImageException>(() => ImageBuilder.From(below).Remove("/missing").Save(_directory["x.tar"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Config_alone_makes_no_layer()
    {
        Image below = _store.Load(new MadeImages(_directory).Archive("base:1", "echo 1 > f"), Cancelled);
        Image built = await ImageBuilder.From(below).WithCommand("other").BuildAsync(_store, "built:1", Cancelled);
        Assert.Equal(below.LowerDirectories, built.LowerDirectories);
        Assert.Equal(["other"], _store.Get("built:1")!.Config.Cmd);
        Assert.NotEqual(below.Id, built.Id);
    }
}
