using System.Text.Json.Nodes;
using Containers.Images;
using Containers.Images.Manifests;
using Containers.Images.Registry;
using Containers.Tests.Images.Sources;
using Xunit;

namespace Containers.Tests.Images.Registry;

/// <summary>Pushes, which skopeo has to find as they were.</summary>
[Trait("here", "yes")]
public sealed class PushTests : IClassFixture<PushedSample>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly SampleImage _sample;
    private readonly RegistryServer _registry;
    private readonly ImageStore _store;

    public PushTests(PushedSample server)
    {
        _sample = server.Sample;
        _registry = server.Registry;
        server.Push("base:1");
        _store = new ImageStore(_directory["store"]) { Registries = new RegistryOptions { MaximumRetries = 3 } };
    }

    public void Dispose() => _directory.Dispose();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private async Task AssertThere(string name, string digest)
    {
        Assert.Equal(digest, SampleImage.Skopeo("inspect", "--tls-verify=false", "--format", "{{.Digest}}", $"docker://{name}").Trim());
        SampleImage.Skopeo("copy", "-q", "--src-tls-verify=false", $"docker://{name}", $"oci:{_directory["back"]}:1"); // verifies each blob
        Assert.Equal(_sample.Expected.Id, (await _store.PullAsync(name, cancellationToken: Cancellation)).Id);
    }

    [Theory]
    [InlineData("oci", null)]
    [InlineData("oci", 1 << 20)]
    [InlineData("oci", 100_000)]
    [InlineData("oci-archive", null)]
    [InlineData("dir", null)]
    public async Task Pushed_image_is_found_by_skopeo(string transport, int? chunk)
    {
        string source = $"oci:{_sample.Layout}:1";
        if (transport != "oci")
        {
            source = $"{transport}:{_directory["image"]}";
            SampleImage.Skopeo("copy", "-q", $"oci:{_sample.Layout}:1", source);
        }

        string name = $"{_registry.Name}/pushed/{transport}-{chunk ?? 0}:1";
        List<PullProgress> seen = [];
        string digest = await _store.PushAsync(source, name, new PushOptions { ChunkSize = chunk, Progress = new PullTests.Direct(seen) }, Cancellation);

        await AssertThere(name, digest);
        Assert.True(seen[^1].IsComplete);
        Assert.All(seen[^1].Layers, layer => Assert.Equal(LayerState.Complete, layer.State));
        Assert.Equal(chunk is null ? 0 : 1, Math.Min(1, _registry.Requests("PATCH", $"pushed/{transport}-{chunk ?? 0}/")));
    }

    [Fact]
    public async Task What_is_there_is_not_sent_again()
    {
        string name = $"{_registry.Name}/twice:1";
        await _store.PushAsync($"oci:{_sample.Layout}:1", name, cancellationToken: Cancellation);
        int uploads = _registry.Requests("POST", "/v2/twice/");
        Assert.Equal(5, uploads);

        List<PullProgress> seen = [];
        await _store.PushAsync($"oci:{_sample.Layout}:1", name, new PushOptions { Progress = new PullTests.Direct(seen) }, Cancellation);
        Assert.Equal(uploads, _registry.Requests("POST", "/v2/twice/"));
        Assert.All(seen[^1].Layers, layer => Assert.Equal(LayerState.AlreadyThere, layer.State));
    }

    [Fact]
    public async Task Layers_of_another_repository_are_mounted()
    {
        string name = $"{_registry.Name}/mounted:1";
        List<string> told = [];
        string digest = await _store.PushAsync($"oci:{_sample.Layout}:1", name, new PushOptions { MountFrom = ["nobody/here", "base"], Logger = new ListLogger(told) }, Cancellation);
        await AssertThere(name, digest);
        Assert.Equal(0, _registry.Requests("PUT", "/v2/mounted/blobs/"));
        Assert.Equal(5, told.Count(line => line.Contains("mounted from base", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(500_000)]
    public async Task Push_survives_connections_that_are_lost(int? chunk)
    {
        int answers = 0;
        using TestProxy proxy = new(_registry.Port)
        {
            // The upload's own requests meet a registry that is down for a moment.
            Answer = head => head.StartsWith(chunk is null ? "PUT /v2/lost" : "PATCH /v2/lost", StringComparison.Ordinal) && head.Contains("/blobs/uploads/", StringComparison.Ordinal) && Interlocked.Increment(ref answers) is 2 or 3
                ? TestProxy.Reply("503 Service Unavailable", "Connection: close\r\n") : null,
        };
        string path = $"lost{chunk ?? 0}:1";
        string digest = await _store.PushAsync($"oci:{_sample.Layout}:1", $"{proxy.Name}/{path}", new PushOptions { ChunkSize = chunk }, Cancellation);
        Assert.True(answers > 3);
        await AssertThere($"{_registry.Name}/{path}", digest);
    }

    [Fact]
    public async Task Damaged_layout_is_not_pushed()
    {
        string layout = _sample.CopyLayout("damaged");
        Tool.Bash($"printf X | dd of={layout}/blobs/sha256/{_sample.LayerDigests[2][7..]} bs=1 seek=5000 conv=notrunc status=none");
        ImageException exception = await Assert.ThrowsAsync<ImageException>(() => _store.PushAsync($"oci:{layout}:1", $"{_registry.Name}/damaged:1", cancellationToken: Cancellation));
        Assert.Contains(_sample.LayerDigests[2], exception.Message, StringComparison.Ordinal);
        using RegistryClient client = new();
        await Assert.ThrowsAsync<RegistryException>(() => client.GetDigestAsync($"{_registry.Name}/damaged:1", Cancellation));
    }

    [Fact]
    public async Task Docker_archive_is_loaded_and_pushed()
    {
        string name = $"{_registry.Name}/archive:1";
        await AssertThere(name, await _store.PushAsync($"docker-archive:{_sample.Archive}", name, cancellationToken: Cancellation));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Images_of_all_machines_are_pushed_with_their_index(bool layoutHasIndex)
    {
        string layout = ForTwoMachines(layoutHasIndex);
        string name = $"{_registry.Name}/machines/{layoutHasIndex}:1".ToLowerInvariant(), same = name.Replace("/machines/", "/skopeo/", StringComparison.Ordinal);

        string digest = await _store.PushAsync($"oci:{layout}:1", name, new PushOptions { AllPlatforms = true }, Cancellation);

        string raw = SampleImage.Skopeo("inspect", "--tls-verify=false", "--raw", $"docker://{name}");
        Assert.Equal(digest, Digest.Of(System.Text.Encoding.UTF8.GetBytes(raw)));
        Assert.Equal(["amd64", "arm64", "unknown"], JsonNode.Parse(raw)!["manifests"]!.AsArray().Select(one => (string)one!["platform"]!["architecture"]!).Order());
        SampleImage.Skopeo("copy", "-q", "--all", "--src-tls-verify=false", $"docker://{name}", $"oci:{_directory["all"]}:1"); // verifies each blob of each
        if (layoutHasIndex)
        {
            SampleImage.Skopeo("copy", "-q", "--all", "--dest-tls-verify=false", $"oci:{layout}:1", $"docker://{same}");
            Assert.Equal(raw, SampleImage.Skopeo("inspect", "--tls-verify=false", "--raw", $"docker://{same}"));
        }

        Assert.Equal("arm64", (await _store.PullAsync(name, new PullOptions { Platform = "linux/arm64" }, Cancellation)).Config.Architecture);
        Assert.Equal(_sample.Expected.Id, (await _store.PullAsync(name, new PullOptions { Platform = "linux/amd64" }, Cancellation)).Id);
    }

    // The sample, the same for another machine, and what buildkit attests of one of them.
    private string ForTwoMachines(bool index)
    {
        string layout = _sample.CopyLayout($"machines-{index}");
        LayoutTests.Change($"{layout}/index.json", root =>
        {
            JsonObject entry = root["manifests"]![0]!.AsObject();
            JsonNode annotations = entry["annotations"]!.DeepClone();
            entry.Remove("annotations");
            JsonNode manifest = Blob(entry), config = Blob(manifest["config"]!);
            config["architecture"] = "arm64";
            manifest["config"] = Entry(config, (string)manifest["config"]!["mediaType"]!);
            JsonObject statement = new() { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.OciManifest, ["config"] = Entry(new JsonObject(), MediaTypes.OciConfig), ["layers"] = new JsonArray(Entry(new JsonObject { ["_type"] = "statement" }, "application/vnd.in-toto+json")) };
            JsonArray entries = [For(entry.DeepClone(), "linux", "amd64"), For(Entry(manifest, MediaTypes.OciManifest), "linux", "arm64"), For(Entry(statement, MediaTypes.OciManifest), "unknown", "unknown")];
            if (index)
            {
                entries = [Entry(new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.OciIndex, ["manifests"] = entries }, MediaTypes.OciIndex)];
            }

            foreach (JsonNode? one in entries)
            {
                one!["annotations"] = annotations.DeepClone();
            }

            root["manifests"] = entries;
        });
        return layout;

        JsonNode Blob(JsonNode descriptor) => JsonNode.Parse(File.ReadAllText($"{layout}/blobs/sha256/{((string)descriptor["digest"]!)[7..]}"))!;

        JsonObject Entry(JsonNode content, string type)
        {
            string text = content.ToJsonString();
            return new JsonObject { ["mediaType"] = type, ["digest"] = SampleImage.AddBlob(layout, text), ["size"] = System.Text.Encoding.UTF8.GetByteCount(text) };
        }

        static JsonNode For(JsonNode entry, string os, string architecture)
        {
            entry["platform"] = new JsonObject { ["os"] = os, ["architecture"] = architecture };
            return entry;
        }
    }

    [Fact]
    public async Task What_cannot_be_pushed_is_said()
    {
        await _store.LoadAsync($"oci:{_sample.Layout}:1", Cancellation);
        Assert.Contains("one machine's image", (await Assert.ThrowsAsync<ImageException>(() => _store.PushAsync(_sample.Expected.Id, $"{_registry.Name}/x:1", new PushOptions { AllPlatforms = true }, Cancellation))).Message, StringComparison.Ordinal);
        Assert.Contains("not that of the name", (await Assert.ThrowsAsync<ImageException>(() => _store.PushAsync($"oci:{_sample.Layout}:1", $"{_registry.Name}/x@sha256:{new string('0', 64)}", cancellationToken: Cancellation))).Message, StringComparison.Ordinal);
        Assert.Contains("nothing there", (await Assert.ThrowsAsync<ImageException>(() => _store.PushAsync("oci:/nowhere", $"{_registry.Name}/x:1", cancellationToken: Cancellation))).Message, StringComparison.Ordinal);
    }
}
