using System.Diagnostics;
using System.Text.Json.Nodes;
using Containers.Images.Manifests;
using Xunit;

namespace Containers.Tests.Images.Registry;

/// <summary>Pulls from a registry that wants nothing.</summary>
[Trait("here", "yes")]
public sealed class PullTests : IClassFixture<PushedSample>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly SampleImage _sample;
    private readonly PushedSample _server;
    private readonly RegistryServer _registry;
    private readonly ImageStore _store;

    public PullTests(PushedSample server)
    {
        _sample = server.Sample;
        _server = server;
        _registry = server.Registry;
        Name = server.Push();
        _store = new ImageStore(_directory["store"]);
    }

    public void Dispose() => _directory.Dispose();

    private string Name { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pulled_image_is_the_one_that_was_pushed()
    {
        Image image = await _store.PullAsync(Name, cancellationToken: Cancellation);

        Assert.Equal(Name, image.Name);
        Assert.Equal(_sample.Expected.Id, image.Id);
        SampleImage.AssertSameTree(_directory, _sample.Expected, image);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/partial"]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/work"]));
        Assert.Equal(Name, Assert.Single(Assert.Single(_store.List()).Names));
    }

    [Fact]
    public async Task Container_starts_from_a_name_and_later_without_the_registry()
    {
        string name;
        using (RegistryServer registry = new())
        {
            registry.Push($"oci:{_sample.Layout}:1", "app:1");
            name = $"{registry.Name}/app:1";
            Assert.Equal("base\n", (await Container.FromImage(name).WithStore(_store.Path).WithCommand("cat", "/etc/release").RunAsync(cancellationToken: Cancellation)).Output);
        }

        Assert.Equal("base\n", (await Container.FromImage($"docker://{name}").WithStore(_store.Path).WithCommand("cat", "/etc/release").RunAsync(cancellationToken: Cancellation)).Output);
        RegistryException exception = await Assert.ThrowsAsync<RegistryException>(() => Container.FromImage(name).WithStore(_store.Path).WithPullPolicy(PullPolicy.Always).WithRegistries(new RegistryOptions { MaximumRetries = 0 }).WithCommand("true").RunAsync(cancellationToken: Cancellation));
        Assert.Contains("could not be reached", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Warm_start_finds_a_name_in_less_than_a_millisecond()
    {
        _store.Load(Name, Cancellation);
        Assert.True(SpinWait.SpinUntil(() => ReferenceEquals(_store.Load(Name, Cancellation), _store.Load(Name, Cancellation)), TimeSpan.FromSeconds(60)));
        int requests = _registry.Requests();
        double[] times = [.. Enumerable.Range(0, 200).Select(_ => { long start = Stopwatch.GetTimestamp(); _store.Load(Name, Cancellation); return Stopwatch.GetElapsedTime(start).TotalMilliseconds; }).Order()];
        Assert.InRange(times[100], 0, 1);
        Assert.Equal(requests, _registry.Requests());
        TestContext.Current.TestOutputHelper?.WriteLine($"median of a warm load: {times[100]:f3} ms");
    }

    [Fact]
    public async Task Policies_say_when_the_registry_is_asked()
    {
        Assert.Contains("not in the store", (await Assert.ThrowsAsync<ImageException>(() => _store.PullAsync(Name, new PullOptions { Policy = PullPolicy.Never }, Cancellation))).Message, StringComparison.Ordinal);
        Image first = await _store.PullAsync(Name, new PullOptions { Policy = PullPolicy.Missing }, Cancellation);

        int requests = _registry.Requests();
        Assert.Equal(first.Id, (await _store.PullAsync(Name, new PullOptions { Policy = PullPolicy.Missing }, Cancellation)).Id);
        Assert.Equal(first.Id, (await _store.PullAsync(Name, new PullOptions { Policy = PullPolicy.Never }, Cancellation)).Id);
        Assert.Equal(requests, _registry.Requests());

        int blobs = _registry.Requests("GET", "/blobs/");
        Assert.Equal(first.Id, (await _store.PullAsync(Name, new PullOptions { Policy = PullPolicy.Always }, Cancellation)).Id);
        Assert.Equal(blobs, _registry.Requests("GET", "/blobs/"));
        Assert.True(_registry.Requests() > requests);
    }

    [Fact]
    public async Task Name_that_means_another_image_later_is_followed_by_always_only()
    {
        string name = _server.Push("moving:1");
        Image first = await _store.PullAsync(name, cancellationToken: Cancellation);
        string layout = _sample.CopyLayout("moved");
        Tool.Bash($"umoci config --image {layout}:1 --config.label moved=yes");
        _registry.Push($"oci:{layout}:1", "moving:1");

        Assert.Equal(first.Id, _store.Load(name, Cancellation).Id);
        int blobs = _registry.Requests("GET", "/blobs/");
        Image second = await _store.PullAsync(name, cancellationToken: Cancellation);
        Assert.Equal("yes", second.Config.Labels["moved"]);
        Assert.Equal(blobs + 1, _registry.Requests("GET", "/blobs/")); // the config, and no layer
        Assert.Equal(second.Id, _store.Load(name, Cancellation).Id);
    }

    [Fact]
    public async Task Image_is_pulled_by_its_digest()
    {
        using RegistryClient client = new();
        string digest = await client.GetDigestAsync(Name, Cancellation);
        Assert.Equal(SampleImage.Skopeo("inspect", "--tls-verify=false", "--format", "{{.Digest}}", $"docker://{Name}").Trim(), digest);

        Image image = await _store.PullAsync($"{_registry.Name}/team/app@{digest}", cancellationToken: Cancellation);
        Assert.Equal(_sample.Expected.Id, image.Id);
        Assert.Equal(image.Id, _store.Load($"{_registry.Name}/team/app@{digest}", Cancellation).Id);
        Assert.Contains("MANIFEST_UNKNOWN", (await Assert.ThrowsAsync<RegistryException>(() => _store.PullAsync($"{_registry.Name}/team/app@sha256:{new string('0', 64)}", cancellationToken: Cancellation))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--dest-compress-format=zstd")]
    [InlineData("--format=v2s2")]
    public async Task Compression_and_kind_of_manifest_make_no_difference(string option)
    {
        string name = $"kinds{option.Length}:1";
        Image image = await _store.PullAsync(_server.Push(name, option), cancellationToken: Cancellation);
        SampleImage.AssertSameTree(_directory, _sample.Expected, image);
    }

    [Fact]
    public async Task Image_for_this_machine_is_chosen_of_an_index()
    {
        string layout = _sample.CopyLayout("multi");
        string foreign = ImagePlatform.Host.Architecture == "arm64" ? "amd64" : "arm64";
        Tool.Bash($"umoci config --image {layout}:1 --tag 2 --architecture {foreign}");
        JsonNode entries = JsonNode.Parse(File.ReadAllText($"{layout}/index.json"))!["manifests"]!;
        JsonArray platforms = [];
        foreach ((string tag, string architecture) in (ReadOnlySpan<(string, string)>)[("2", foreign), ("1", ImagePlatform.Host.Architecture)])
        {
            JsonObject entry = entries.AsArray().First(entry => (string?)entry!["annotations"]!["org.opencontainers.image.ref.name"] == tag)!.DeepClone().AsObject();
            entry.Remove("annotations");
            entry["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = architecture };
            platforms.Add(entry);
        }

        string index = new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = MediaTypes.OciIndex, ["manifests"] = platforms }.ToJsonString();
        string digest = SampleImage.AddBlob(layout, index);
        LayoutFile(layout, new JsonObject { ["mediaType"] = MediaTypes.OciIndex, ["digest"] = digest, ["size"] = index.Length });
        _registry.Push($"oci:{layout}", "multi:1", "--all");
        string name = $"{_registry.Name}/multi:1";

        Assert.Equal(_sample.Expected.Id, (await _store.PullAsync(name, cancellationToken: Cancellation)).Id);
        Image other = await _store.PullAsync(name, new PullOptions { Platform = $"linux/{foreign}" }, Cancellation);
        Assert.Equal(foreign, other.Config.Architecture);
        Assert.NotEqual(_sample.Expected.Id, other.Id);
        ImageException exception = await Assert.ThrowsAsync<ImageException>(() => _store.PullAsync(name, new PullOptions { Platform = "linux/s390x" }, Cancellation));
        Assert.Contains($"linux/{foreign}, linux/{ImagePlatform.Host.Architecture}", exception.Message, StringComparison.Ordinal);

        static void LayoutFile(string layout, JsonObject entry)
            => File.WriteAllText($"{layout}/index.json", new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(entry) }.ToJsonString());
    }

    [Fact]
    public async Task What_is_not_there_is_said()
    {
        RegistryException tag = await Assert.ThrowsAsync<RegistryException>(() => _store.PullAsync($"{_registry.Name}/team/app:none", cancellationToken: Cancellation));
        Assert.Equal((System.Net.HttpStatusCode.NotFound, "MANIFEST_UNKNOWN"), (tag.StatusCode!.Value, tag.Code));
        Assert.Contains("team/app:none", tag.Message, StringComparison.Ordinal);
        RegistryException repository = await Assert.ThrowsAsync<RegistryException>(() => _store.PullAsync($"{_registry.Name}/nobody:1", cancellationToken: Cancellation));
        Assert.Equal(_registry.Name, repository.Registry);
        ImageStore impatient = new(_directory["store"]) { Registries = new RegistryOptions { MaximumRetries = 1 } };
        RegistryException nowhere = await Assert.ThrowsAsync<RegistryException>(() => impatient.PullAsync($"localhost:{RegistryServer.FreePort()}/app:1", cancellationToken: Cancellation));
        Assert.Null(nowhere.StatusCode);
        Assert.Contains("could not be reached", nowhere.Message, StringComparison.Ordinal);
        Assert.Empty(_store.List());
    }

    [Fact]
    public async Task Many_pulls_of_one_image_at_once_fetch_each_layer_once()
    {
        string name = _server.Push("crowd:1");
        Image[] images = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _store.PullAsync(name, cancellationToken: Cancellation)));
        Assert.Single(images.Select(image => string.Join(':', image.LowerDirectories)).Distinct());
        Assert.All(_sample.LayerDigests, layer => Assert.Equal(1, _registry.Requests("GET", $"/crowd/blobs/{layer}")));
    }

    [Fact]
    public async Task Progress_tells_each_layer_and_ends_complete()
    {
        List<PullProgress> seen = [];
        await _store.PullAsync(Name, new PullOptions { Progress = new Direct(seen) }, Cancellation);

        Assert.Equal(LayerState.Waiting, seen[0].Layers[0].State);
        Assert.True(seen[^1].IsComplete);
        Assert.All(seen[^1].Layers, layer => Assert.Equal((LayerState.Complete, layer.BytesTotal), (layer.State, layer.BytesDone)));
        Assert.Equal(seen[^1].BytesTotal, seen[^1].BytesDone);
        Assert.InRange(seen[^1].BytesTotal, SampleImage.Bulk, 2 * SampleImage.Bulk);
        Assert.All(seen.Zip(seen.Skip(1)), pair => Assert.True(pair.First.BytesDone <= pair.Second.BytesDone));

        seen.Clear();
        await _store.PullAsync(Name, new PullOptions { Progress = new Direct(seen) }, Cancellation);
        Assert.All(seen[^1].Layers, layer => Assert.Equal(LayerState.AlreadyThere, layer.State));
    }

    [Fact]
    public async Task Mirror_is_asked_first_and_the_registry_when_it_fails()
    {
        string name = "example.invalid/team/app:1";
        ImageStore mirrored = new(_directory["store"])
        {
            Registries = new RegistryOptions { MaximumRetries = 0, Mirrors = new Dictionary<string, IReadOnlyList<string>> { ["example.invalid"] = [$"localhost:{RegistryServer.FreePort()}", _registry.Name] } },
        };
        Image image = await mirrored.PullAsync(name, cancellationToken: Cancellation);
        Assert.Equal((name, _sample.Expected.Id), (image.Name, image.Id));

        ImageStore broken = new(_directory["other"])
        {
            Registries = new RegistryOptions { MaximumRetries = 0, Mirrors = new Dictionary<string, IReadOnlyList<string>> { [_registry.Name] = [$"localhost:{RegistryServer.FreePort()}/prefix"] } },
        };
        Assert.Equal(_sample.Expected.Id, (await broken.PullAsync(Name, cancellationToken: Cancellation)).Id);
    }

    [Fact]
    public async Task Tags_come_page_by_page_and_deleted_images_are_gone()
    {
        for (int i = 0; i < 5; i++)
        {
            _server.Push($"tags:t{i}");
        }

        using Containers.Images.Registry.RegistrySession session = new(RegistryOptions.Default, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        Containers.Images.Registry.RegistryRepository repository = Containers.Images.Registry.RegistryRepository.Of(session, Containers.Images.ImageName.Parse($"{_registry.Name}/tags"));
        List<string> paged = await repository.ListTagsAsync(2, Cancellation).ToListAsync(Cancellation);
        Assert.Equal(["t0", "t1", "t2", "t3", "t4"], paged.Order());

        using RegistryClient client = new();
        Assert.Equal(paged, await client.ListTagsAsync($"{_registry.Name}/tags", Cancellation).ToListAsync(Cancellation));
        string digest = await client.DeleteAsync($"{_registry.Name}/tags:t0", Cancellation);
        Assert.StartsWith("sha256:", digest, StringComparison.Ordinal);
        await Assert.ThrowsAsync<RegistryException>(() => client.GetDigestAsync($"{_registry.Name}/tags:t0", Cancellation));
    }

    [Fact]
    public async Task Activities_and_metrics_are_told()
    {
        System.Collections.Concurrent.ConcurrentQueue<Activity> activities = []; // other tests pull at the same time
        using ActivityListener listener = new() { ShouldListenTo = source => source.Name == "Containers", Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData, ActivityStopped = activities.Enqueue };
        ActivitySource.AddActivityListener(listener);
        long bytes = 0;
        using System.Diagnostics.Metrics.MeterListener meters = new() { InstrumentPublished = (instrument, self) => { if (instrument.Meter.Name == "Containers") { self.EnableMeasurementEvents(instrument); } } };
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => bytes += instrument.Name == "containers.pull.bytes" && _registry.Name.Equals(tags[0].Value) ? value : 0);
        meters.Start();

        await _store.PullAsync(Name, cancellationToken: Cancellation);

        Assert.Single(activities, activity => activity.OperationName == "pull" && Name.Equals(activity.GetTagItem("containers.image")));
        Assert.InRange(bytes, SampleImage.Bulk, 2 * SampleImage.Bulk);
    }

    internal sealed class Direct(List<PullProgress> seen) : IProgress<PullProgress>
    {
        public void Report(PullProgress value)
        {
            lock (seen)
            {
                seen.Add(value);
            }
        }
    }
}
