using System.Text.Json.Nodes;
using Xunit;

namespace Containers.Tests.Images.Sources;

/// <summary>Layouts, archives and directories as skopeo, buildah and umoci make them.</summary>
[Trait("here", "yes")]
public sealed class LayoutTests : IClassFixture<SampleImage>, IDisposable
{
    private readonly SampleImage _sample;
    private readonly TestDirectory _directory = new();
    private readonly ImageStore _store;

    public LayoutTests(SampleImage sample)
    {
        _sample = sample;
        _store = new ImageStore(_directory["store"]);
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("oci:{0}:app", "oci:{0}")]
    [InlineData("oci:{0}:app", "{0}")]
    [InlineData("oci:{0}:localhost:5000/team/app:1", "oci:{0}:localhost:5000/team/app:1")]
    [InlineData("oci-archive:{0}.tar:app", "oci-archive:{0}.tar:app")]
    [InlineData("oci-archive:{0}.tar:app", "{0}.tar")]
    [InlineData("dir:{0}", "dir:{0}")]
    [InlineData("dir:{0}", "{0}")]
    [InlineData("docker-archive:{0}.tar:app:1", "{0}.tar")]
    public async Task Image_of_skopeo_is_loaded_and_runs(string written, string read)
    {
        SampleImage.Skopeo("copy", $"oci:{_sample.Layout}:1", string.Format(null, written, _directory["image"]));

        Image image = _store.Load(string.Format(null, read, _directory["image"]));

        Assert.Equal(_sample.Expected.Id, image.Id);
        Assert.Equal(["one", "two", "three", "four"], image.Layers.Select(layer => layer.CreatedBy));
        SampleImage.AssertSameTree(_directory, _sample.Expected, image);
        ContainerResult result = await Container.FromImage(image).WithStore(_store.Path).WithCommand("cat", "/etc/release").RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("base\n", result.Output);
    }

    [Theory]
    [InlineData("--dest-compress-format=zstd", "oci")]
    [InlineData("--dest-compress-format=gzip", "oci")]
    [InlineData("--dest-decompress", "dir")]
    [InlineData("--format=v2s2", "dir")]
    [InlineData("--format=oci", "dir")]
    public void Compression_and_kind_of_manifest_make_no_difference(string option, string transport)
    {
        string target = $"{transport}:{_directory["image"]}";
        SampleImage.Skopeo("copy", option, $"oci:{_sample.Layout}:1", target);
        SampleImage.AssertSameTree(_directory, _sample.Expected, _store.Load(target));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public void Compressed_oci_archive_is_loaded_and_remembered(string compressor)
    {
        string archive = _directory["image.tar"];
        SampleImage.Skopeo("copy", $"oci:{_sample.Layout}:1", $"oci-archive:{archive}:app");
        Tool.Bash($"{compressor} -q < {archive} > {archive}.x; touch -d '1 hour ago' {archive}.x");

        Assert.Equal(_sample.Expected.Id, _store.Load($"oci-archive:{archive}.x").Id);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/work"]));
        Assert.Equal(_sample.Expected.Id, new Containers.Storage.ImageLoader(new Containers.Storage.StoreLayout(_store.Path)).Load($"oci-archive:{archive}.x", default).Id);
    }

    [Fact]
    public async Task Image_of_umoci_is_loaded_and_shows_what_umoci_unpacks()
    {
        Requires.Root();
        Requires.Tools("umoci");
        string layout = _sample.CopyLayout("umoci");
        Tool.Bash($"""
            cd {_directory.Path}
            umoci unpack --image {layout}:1 bundle
            echo more > bundle/rootfs/etc/more; rm bundle/rootfs/etc/added; rm -r bundle/rootfs/var/lib/old; mkdir bundle/rootfs/var/lib/old; echo again > bundle/rootfs/var/lib/old/d
            umoci repack --image {layout}:2 bundle
            umoci unpack --image {layout}:2 second
            """);

        Image image = _store.Load($"oci:{layout}:2");

        Assert.Equal(5, image.Layers.Count);
        using OverlayMount mount = new(_directory, image);
        TreeListing.AssertEqual(_directory["second/rootfs"], mount.Path);
        Assert.Equal("more\n", (await Container.FromImage(image).WithStore(_store.Path).WithCommand("cat", "/etc/more").RunAsync(cancellationToken: TestContext.Current.CancellationToken)).Output);
        Assert.Contains("2 images", Assert.Throws<ImageException>(() => _store.Load($"oci:{layout}")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("oci:", "oci")]
    [InlineData("oci-archive:", "oci")]
    [InlineData("oci-archive:", "docker")]
    [InlineData("docker-archive:", "docker")]
    public async Task Image_of_buildah_is_loaded_and_shows_what_buildah_mounts(string transport, string format)
    {
        Requires.Root();
        Requires.Tools("buildah");
        string target = $"{transport}{_directory["built"]}:example.org/built:1";
        Tool.Bash($"""
            cd {_directory.Path}; export STORAGE_DRIVER=vfs
            buildah() ( command buildah --root {_directory["root"]} --runroot {_directory["run"]} "$@" )
            c=$(buildah from --signature-policy {Policy()} {(transport == "docker-archive:" ? $"docker-archive:{_sample.Archive}" : $"oci:{_sample.Layout}:1")})
            mkdir tree; echo copied > tree/file; ln tree/file tree/hard
            buildah copy -q $c tree /srv/tree
            buildah config --cmd 'cat /srv/tree/file' --label made=buildah $c
            buildah commit -q --signature-policy {Policy()} --format {format} $c {target}
            cp -a --sparse=always $(buildah mount $c) seen
            buildah rm -a > /dev/null
            """);

        Image image = _store.Load(target);

        Assert.Equal("buildah", image.Config.Labels["made"]);
        Assert.Equal("example.org/built:1", image.Name);
        using OverlayMount mount = new(_directory, image);
        TreeListing.AssertEqual(_directory["seen/srv"], mount.Path + "/srv", times: false);
        ContainerResult result = await Container.FromImage(image).WithStore(_store.Path).RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("copied\n", result.Output);
    }

    [Fact]
    public void Changed_layout_is_read_again_and_an_unchanged_one_remembered()
    {
        string layout = _sample.CopyLayout("changing");
        Tool.Bash($"touch -d '1 hour ago' {layout}/index.json");
        Assert.True(SpinWait.SpinUntil(() => ReferenceEquals(_store.Load(layout), _store.Load(layout)), TimeSpan.FromSeconds(60)));

        Change($"{layout}/index.json", index => index["manifests"]![0]!["annotations"]!["org.opencontainers.image.ref.name"] = "other");
        Assert.Equal("other", _store.Load(layout).Name);
    }

    private string Policy()
    {
        File.WriteAllText(_directory["policy.json"], """{"default":[{"type":"insecureAcceptAnything"}]}""");
        return _directory["policy.json"];
    }

    internal static void Change(string path, Action<JsonNode> change)
    {
        JsonNode document = JsonNode.Parse(File.ReadAllText(path))!;
        change(document);
        File.WriteAllText(path, document.ToJsonString());
    }
}
