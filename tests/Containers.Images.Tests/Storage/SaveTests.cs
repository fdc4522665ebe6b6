using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Containers.Tests.Images;
using Xunit;

namespace Containers.Tests.Storage;

/// <summary>Images that are written are read by other programs, and are what they were.</summary>
[Trait("here", "yes")]
public sealed class SaveTests : IClassFixture<HostState>, IDisposable
{
    private const string Layer = "mkdir -p d/e usr; ln -s usr lib; echo f > d/f; ln d/f d/g; mkfifo fifo; chmod 4711 d/f; chown 12:34 d/e; head -c 300000 /dev/urandom > random; setfattr -n user.a -v b d/f";

    private readonly TestDirectory _directory = new();
    private readonly ImageStore _store;
    private readonly Image _image;

    public SaveTests()
    {
        Requires.Owners();
        Requires.Tools("busybox");
        _store = new ImageStore(_directory["store"]);
        _image = _store.Load(new MadeImages(_directory).Archive("made:1", Layer, "mkdir -p d; touch d/.wh.f; mkdir n; touch n/.wh..wh..opq n/x"));
    }

    public void Dispose() => _directory.Dispose();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<string, LayerCompression?> Ways => [.. from transport in (string[])["docker-archive", "oci", "oci-archive", "dir"]
                                                                   from compression in (LayerCompression?[])[null, LayerCompression.None, LayerCompression.Gzip, LayerCompression.Zstd]
                                                                   select (transport, compression)];

    // Whiteouts are the overlay's own, and have no time of the archive's.
    private static string Tree(string directory) => System.Text.RegularExpressions.Regex.Replace(Listing.Of(directory), @" c 0 \d+ \d+ 0 \S+ ", " whiteout ");

    private string Reference(string transport, string name = "saved") => $"{transport}:{_directory[name]}{(transport == "dir" ? "" : transport == "docker-archive" ? ":made:1" : ":1")}";

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Saved_image_is_the_same_image_again_for_skopeo_and_for_us(string transport, LayerCompression? compression)
    {
        Requires.Tools("skopeo");
        string reference = Reference(transport);
        string digest = await _image.SaveAsync(reference, new SaveOptions { Compression = compression }, Cancelled);
        Assert.Empty(Listing.Names(_directory["store/work"]));

        // skopeo verifies all digests on its way.
        Tool.Run("skopeo", "copy", "--insecure-policy", "-q", reference, $"oci:{_directory["copy"]}:1");
        JsonNode manifest = JsonNode.Parse(Tool.Run("skopeo", "inspect", "--raw", $"oci:{_directory["copy"]}:1"))!;
        Assert.Equal(_image.Id, manifest["config"]!["digest"]!.GetValue<string>());
        if (transport != "docker-archive")
        {
            string raw = Tool.Run("skopeo", "inspect", "--raw", reference);
            Assert.Equal(digest, "sha256:" + Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(raw))));
            string suffix = compression switch { LayerCompression.None => "tar", LayerCompression.Zstd => "tar+zstd", _ => "tar+gzip" };
            Assert.All(JsonNode.Parse(raw)!["layers"]!.AsArray(), layer => Assert.Equal("application/vnd.oci.image.layer.v1." + suffix, layer!["mediaType"]!.GetValue<string>()));
        }

        ImageStore other = new(_directory["other"]);
        Image again = other.Load(reference, Cancelled);
        Assert.Equal(_image.Id, again.Id);
        Assert.Equal(_image.LowerDirectories.Select(Tree), again.LowerDirectories.Select(Tree));
    }

    [Theory]
    [InlineData("docker-archive")]
    [InlineData("oci-archive")]
    [InlineData("oci")]
    [InlineData("dir")]
    public async Task Same_image_gives_the_same_bytes(string transport)
    {
        foreach (LayerCompression compression in Enum.GetValues<LayerCompression>())
        {
            await _image.SaveAsync(Reference(transport, "a"), new SaveOptions { Compression = compression }, Cancelled);
            await _image.SaveAsync(Reference(transport, "b"), new SaveOptions { Compression = compression }, Cancelled);
            Tool.Run("diff", "-r", _directory["a"], _directory["b"]);
            Tool.Run("rm", "-r", _directory["a"], _directory["b"]);
        }
    }

    [Theory]
    [InlineData("docker-archive")]
    [InlineData("oci-archive")]
    public async Task Podman_loads_it_and_runs_nothing_but_what_was_in_it(string transport)
    {
        Requires.Root();
        Requires.Tools("podman");
        foreach (LayerCompression compression in Enum.GetValues<LayerCompression>())
        {
            string file = _directory[$"{compression}.tar"];
            await _image.SaveAsync($"{transport}:{file}:{(transport == "oci-archive" ? "localhost/made:1" : "made:1")}", new SaveOptions { Compression = compression }, Cancelled);
            string podman = $"podman --root {_directory["root"]} --runroot {_directory["runroot"]} --storage-driver vfs";
            string output = Tool.Bash($"{podman} load -q -i {file}; {podman} images --no-trunc --format '{{{{.Id}}}} {{{{.Repository}}}}:{{{{.Tag}}}}'");
            Assert.Contains($"{_image.Id[7..]} {(transport == "oci-archive" ? "localhost" : "docker.io/library")}/made:1", output, StringComparison.Ordinal);
            Tool.Bash($"{podman} rmi -a -f");
        }
    }

    [Fact]
    public async Task Umoci_unpacks_what_is_mounted_here()
    {
        Requires.Root();
        Requires.Tools("umoci");
        await _image.SaveAsync($"oci:{_directory["layout"]}:1", cancellationToken: Cancelled);
        Tool.Bash($"umoci unpack --image {_directory["layout"]}:1 {_directory["bundle"]}");
        using OverlayMount mount = new(_directory, _image);
        Peers.UmociTreeTests.AssertEqual(_directory["bundle/rootfs"], mount.Path);
    }

    [Fact]
    public async Task Buildah_builds_on_it()
    {
        Requires.Tools("buildah");
        await _image.SaveAsync($"oci-archive:{_directory["image.tar"]}", new SaveOptions { Compression = LayerCompression.Zstd }, Cancelled);
        string buildah = $"buildah --root {_directory["root"]} --runroot {_directory["runroot"]} --storage-driver vfs";
        Tool.Bash($"c=$({buildah} from oci-archive:{_directory["image.tar"]}); {buildah} config --label a=b $c; {buildah} commit -q $c oci:{_directory["built"]}:1; {buildah} rm $c; {buildah} rmi -a");
        Image built = _store.Load($"oci:{_directory["built"]}:1", Cancelled);
        Assert.Equal("b", built.Config.Labels["a"]);
        Assert.Equal(_image.Layers.Select(layer => layer.DiffId), built.Layers.Take(_image.Layers.Count).Select(layer => layer.DiffId));
    }

    [Fact]
    public async Task Layout_keeps_its_other_images_and_a_tag_is_replaced()
    {
        string layout = _directory["layout"];
        Image other = _store.Load(new MadeImages(_directory).Archive("other:1", "echo other > other"), Cancelled);
        await _image.SaveAsync($"oci:{layout}:one", cancellationToken: Cancelled);
        await other.SaveAsync($"oci:{layout}:two", cancellationToken: Cancelled);
        Assert.Equal(_image.Id, _store.Load($"oci:{layout}:one", Cancelled).Id);
        Assert.Equal(other.Id, _store.Load($"oci:{layout}:two", Cancelled).Id);
        await other.SaveAsync($"oci:{layout}:one", cancellationToken: Cancelled);
        Assert.Equal(2, JsonNode.Parse(File.ReadAllText(layout + "/index.json"))!["manifests"]!.AsArray().Count);
        Assert.Equal(other.Id, _store.Load($"oci:{layout}:one", Cancelled).Id);

        await _image.SaveAsync($"dir:{_directory["dir"]}", cancellationToken: Cancelled);
        await other.SaveAsync($"dir:{_directory["dir"]}", new SaveOptions { Compression = LayerCompression.None }, Cancelled);
        Assert.Equal(2 + 1 + other.Layers.Count, Listing.Names(_directory["dir"]).Length);
    }

    [Fact]
    public async Task Docker_archive_tells_the_names_that_the_image_has()
    {
        _store.Tag("made:1", "localhost:5000/some/where:2");
        await _image.SaveAsync($"docker-archive:{_directory["a.tar"]}", cancellationToken: Cancelled);
        Image again = new ImageStore(_directory["other"]).Load(_directory["a.tar"], Cancelled);
        Assert.Equal(["docker.io/library/made:1", "localhost:5000/some/where:2"], new ImageStore(_directory["other"]).List().Single().Names);
        await again.SaveAsync($"docker-archive:{_directory["b.tar"]}", new SaveOptions { Names = ["x:y"] }, Cancelled);
        Assert.Contains("docker.io/library/x:y", Tool.Run("tar", "-xOf", _directory["b.tar"], "manifest.json"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rootfs:{0}/x", "cannot be saved there")]
    [InlineData("docker://localhost/x", "cannot be saved there")]
    [InlineData("oci-archive:{0}/missing/x.tar", "no directory for it")]
    [InlineData("oci-archive:{0}", "there is a directory")]
    [InlineData("oci:{0}:1", "something else")]
    [InlineData("dir:{0}", "something else")]
    [InlineData("docker-archive:{0}/x.tar:Not A Name", "Not A Name")]
    public async Task What_cannot_be_written_is_told_before_anything_is(string reference, string expected)
    {
        string[] before = Listing.Names(_directory.Path);
        ImageException exception = await Assert.ThrowsAsync<ImageException>(() => _image.SaveAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, reference, _directory.Path), cancellationToken: Cancelled));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, Listing.Names(_directory.Path));
    }

    [Fact]
    public async Task Damaged_layer_and_cancellation_leave_no_file()
    {
        string[] before = Listing.Names(_directory.Path);
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _image.SaveAsync($"oci-archive:{_directory["a.tar"]}", cancellationToken: cancelled.Token));
        Tool.Bash($"echo x >> {_image.LowerDirectories[1]}/random; truncate -s 300000 {_image.LowerDirectories[1]}/random; printf y | dd of={_image.LowerDirectories[1]}/random bs=1 seek=1000 conv=notrunc status=none");
        foreach (LayerCompression compression in Enum.GetValues<LayerCompression>())
        {
            await Assert.ThrowsAsync<LayerException>(() => _image.SaveAsync($"oci-archive:{_directory["a.tar"]}", new SaveOptions { Compression = compression }, Cancelled));
        }

        Assert.Equal(before, Listing.Names(_directory.Path));
    }

    [Fact]
    public async Task Root_file_system_is_no_image()
    {
        Directory.CreateDirectory(_directory["root"]);
        ImageException exception = await Assert.ThrowsAsync<ImageException>(() => _store.Load("rootfs:" + _directory["root"], Cancelled).SaveAsync($"oci:{_directory["x"]}:1", cancellationToken: Cancelled));
        Assert.Contains("root file system", exception.Message, StringComparison.Ordinal);
    }
}
