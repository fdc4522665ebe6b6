using System.Diagnostics;
using Containers.Tests.Images;
using Xunit;

namespace Containers.Tests.Storage;

/// <summary>Images by their names and ids: found, listed, named and removed, whoever uses them.</summary>
[Trait("here", "yes")]
public sealed class ImageNamesTests : IClassFixture<HostState>, IDisposable
{
    private const string Busybox = "mkdir -p bin etc proc sys dev tmp; cp $(command -v busybox) bin/busybox; ln -s busybox bin/sh; ln -s busybox bin/sleep; touch -h -d @0 bin/* bin . etc proc sys dev tmp";

    private readonly TestDirectory _directory = new();
    private readonly ImageStore _store;

    public ImageNamesTests()
    {
        Requires.Owners();
        Requires.Tools("busybox");
        _store = new ImageStore(_directory["store"]);
    }

    public void Dispose() => _directory.Dispose();

    private Image Load(string tag, string own = "echo own > own") => _store.Load(Archive(tag, own));

    private string Archive(string? tag, string own = "echo own > own")
        => new HandMadeArchive(_directory, $"{Guid.NewGuid():N}.tar") { Tag = tag }.AddLayer(Busybox).AddLayer($"{own}; touch -d @0 * .").Save();

    private string[] Layers => Listing.Names(_directory["store/layers/sha256"]).Where(name => !name.Contains('/', StringComparison.Ordinal)).ToArray();

    [Theory]
    [InlineData("made:1")]
    [InlineData("library/made:1")]
    [InlineData("docker.io/library/made:1")]
    public void Tag_of_a_loaded_archive_is_a_name_of_the_image(string name)
    {
        Image loaded = Load("made:1");
        Image found = _store.Get(name)!;
        Assert.Equal(loaded.Id, found.Id);
        Assert.Equal(name, found.Name);
        Assert.Equal(loaded.LowerDirectories, found.LowerDirectories);
        Assert.Equal(loaded.Layers, found.Layers);
        Assert.Null(_store.Get("made:2"));
        Assert.Null(_store.Get("localhost:5000/made:1"));
    }

    [Fact]
    public async Task Image_is_found_by_its_id_and_the_beginning_of_it()
    {
        Image loaded = Load("made:1");
        string hex = loaded.Id[7..];
        foreach (string id in (string[])[loaded.Id, hex, hex[..12], hex[..4], "sha256:" + hex[..20]])
        {
            Assert.Equal(loaded.Id, (await _store.GetAsync(id, TestContext.Current.CancellationToken))!.Id);
        }

        Assert.Null(_store.Get(hex[..3]));
        Assert.Null(_store.Get("sha256:" + new string('0', 64)));
        string record = _directory[$"store/images/sha256/{hex}.json"];
        File.Copy(record, record.Replace(hex[4..], new string('0', 60), StringComparison.Ordinal));
        Assert.Contains("2 images", Assert.Throws<ImageException>(() => _store.Get(hex[..4])).Message, StringComparison.Ordinal);
        Assert.Equal(loaded.Id, _store.Get(hex[..12])!.Id);
    }

    [Fact]
    public void Found_again_it_costs_microseconds_and_another_process_sees_it()
    {
        Load("made:1");
        Assert.True(SpinWait.SpinUntil(() => ReferenceEquals(_store.Get("made:1"), _store.Get("made:1")), TimeSpan.FromSeconds(10)));
        const int Times = 1000;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Times; i++)
        {
            _store.Get("made:1");
        }

        double microseconds = Stopwatch.GetElapsedTime(start).TotalMicroseconds / Times;
        TestContext.Current.TestOutputHelper?.WriteLine($"{microseconds:F1} µs");
        Assert.InRange(microseconds, 0, 500);
        Assert.Equal("docker.io/library/made:1\n", TestHost("list"));
    }

    [Fact]
    public void List_and_inspect_tell_what_is_there()
    {
        Image first = Load("one:1");
        Image second = Load("two:1", "echo 2 > two");
        Assert.Equal("docker.io/library/alias:latest", _store.Tag("one:1", "alias"));
        _store.Load(Archive(null, "echo nameless > x"));

        IReadOnlyList<ImageSummary> all = _store.List();
        Assert.Equal(["docker.io/library/alias:latest docker.io/library/one:1", "docker.io/library/two:1", ""], all.Select(image => string.Join(' ', image.Names)));
        Assert.Equal((first.Id, 2, first.Layers.Sum(layer => layer.Size)), (all[0].Id, all[0].Layers, all[0].Size));
        Assert.StartsWith("linux/", all[0].Platform, StringComparison.Ordinal);

        ImageDetails details = _store.Inspect("two:1")!;
        Assert.Equal(second.Id, "sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(details.ConfigJson.Span)));
        Assert.Equal(["sh"], details.Config.Cmd);
        Assert.Equal(second.Layers, details.Layers);
        Assert.Null(details.ManifestDigest);
        Assert.Null(_store.Inspect("three:1"));
    }

    [Fact]
    public void Name_means_the_image_that_was_loaded_last()
    {
        Image first = Load("made:1");
        string archive = Archive("made:1", "echo second > second");
        Image second = _store.Load(archive);
        Assert.Equal(second.Id, _store.Get("made:1")!.Id);
        _store.Tag(first.Id, "made:1");
        Assert.Equal(first.Id, _store.Get("made:1")!.Id);
        _store.Load(archive); // known, and all the same
        Assert.Equal(second.Id, _store.Get("made:1")!.Id);
        Assert.Equal(first.Id, _store.Get(first.Id)!.Id);
    }

    [Fact]
    public void Last_name_takes_the_image_with_it_and_leaves_shared_layers()
    {
        Load("one:1");
        Image two = Load("two:1", "echo 2 > two");
        _store.Tag("one:1", "alias:1");
        Assert.Equal(3, Layers.Length);

        ImageRemoval name = _store.Remove("one:1")!;
        Assert.False(name.IsImageRemoved);
        Assert.Equal(["docker.io/library/one:1"], name.Names);
        Assert.Equal(3, Layers.Length);

        ImageRemoval image = _store.Remove("alias:1")!;
        Assert.True(image.IsImageRemoved);
        Assert.InRange(image.FreedBytes, 1, 1 << 20); // its own layer, and not the one with busybox
        Assert.Equal(2, Layers.Length);
        Assert.Null(_store.Get(image.Id));
        Assert.Null(_store.Remove("alias:1"));

        Assert.True(_store.Remove(two.Id)!.IsImageRemoved);
        Assert.Empty(Layers);
        Assert.Empty(_store.List());
        Assert.Empty(Listing.Names(_directory["store/blobs/sha256"]));
        Assert.Empty(Listing.Names(_directory["store/work"]));
    }

    [Fact]
    public void Image_that_a_container_of_another_process_runs_from_cannot_be_removed()
    {
        Image image = Load("made:1");
        string archive = Directory.GetFiles(_directory.Path, "*.tar").Single();
        using Process host = Process.Start(new ProcessStartInfo(HostProgram, ["start", "docker-archive:" + archive, _store.Path, "sleep", "1000"]) { RedirectStandardOutput = true, RedirectStandardInput = true })!;
        Assert.NotNull(host.StandardOutput.ReadLine());

        ImageException exception = Assert.Throws<ImageException>(() => _store.Remove("made:1"));
        Assert.Contains("in use", exception.Message, StringComparison.Ordinal);
        Assert.Equal(image.Id, _store.Get("made:1")!.Id);

        host.Kill();
        host.WaitForExit();
        Assert.True(_store.Remove("made:1")!.IsImageRemoved);
        Assert.Empty(Layers);
    }

    [Fact]
    public async Task Image_can_be_removed_when_its_containers_are_disposed()
    {
        Image image = Load("made:1");
        await using (Container container = Container.FromImage(image).WithStore(_store.Path).WithCommand("sleep", "1000").Start())
        {
            Assert.Throws<ImageException>(() => _store.Remove(image.Id));
            _store.Tag("made:1", "other");
            Assert.False(_store.Remove("made:1")!.IsImageRemoved);
        }

        Assert.True(_store.Remove("other")!.IsImageRemoved);
        ImageException gone = Assert.Throws<ImageException>(() => Container.FromImage(image).WithStore(_store.Path).WithCommand("true").Start());
        Assert.Contains("removed", gone.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nameless_image_that_was_removed_is_loaded_again_though_its_layers_are_another_s()
    {
        string archive = Archive(null);
        Image first = _store.Load(archive);
        Assert.True(SpinWait.SpinUntil(() => ReferenceEquals(_store.Load(archive), _store.Load(archive)), TimeSpan.FromSeconds(30)));
        HandMadeArchive other = new(_directory, "other.tar") { Tag = "other:1" };
        other.AddLayer(Busybox).AddLayer("echo own > own; touch -d @0 * .").Config = config => config["author"] = "another";
        Assert.Equal(first.LowerDirectories, _store.Load(other.Save()).LowerDirectories);
        Assert.True(_store.Remove(first.Id)!.IsImageRemoved);

        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        ContainerResult result = await Container.FromImage(archive).WithStore(_store.Path).WithCommand("/bin/busybox", "cat", "/own").RunAsync(cancellationToken: limit.Token);
        Assert.Equal("own\n", result.Output);
    }

    [Fact]
    public void Damaged_records_of_names_are_as_good_as_none()
    {
        string archive = Archive("made:1");
        Image image = _store.Load(archive);
        Tool.Bash($"for f in {_store.Path}/names/*.json; do echo '{{' > $f; done");
        Assert.Null(_store.Get("made:1"));
        Assert.Equal(image.Id, _store.Get(image.Id)!.Id);
        Assert.Empty(_store.List().Single().Names);
        _store.Load(archive);
        Assert.Equal(image.Id, _store.Get("made:1")!.Id);

        Tool.Bash($"for f in {_store.Path}/blobs/sha256/*; do echo '{{' > $f; done"); // a config with another digest
        Assert.Null(new Containers.Storage.ImageLoader(new Containers.Storage.StoreLayout(_store.Path)).Catalog.Find("made:1"));
        new Containers.Storage.ImageLoader(new Containers.Storage.StoreLayout(_store.Path)).Load(archive, default);
        Assert.Equal(image.Id, _store.Get("made:1")!.Id);
    }

    [Fact]
    public void Damaged_config_is_written_again_by_a_load_whoever_looked_before()
    {
        string archive = Archive("made:1");
        Image image = _store.Load(archive);
        Tool.Bash($"for f in {_store.Path}/blobs/sha256/*; do echo '{{' > $f; done");

        NewLoader().Load(archive, default);

        Assert.Equal(image.Id, NewLoader().Catalog.Find("made:1")!.Id);

        // One that remembers nothing of the store.
        Containers.Storage.ImageLoader NewLoader() => new(new Containers.Storage.StoreLayout(_store.Path));
    }

    [Fact]
    public void Image_that_somebody_is_about_to_remove_can_be_looked_at()
    {
        Image image = Load("made:1");
        Containers.Storage.ImageLoader loader = new(new Containers.Storage.StoreLayout(_store.Path));
        using Containers.Storage.StoreLease alone = Containers.Storage.StoreLease.TryTake(loader.Catalog.RecordPath(image.Id))!;

        Assert.Equal(image.Id, Assert.Single(_store.List()).Id);
        Assert.Equal(image.Id, loader.Catalog.Find("made:1")!.Id);
    }

    [Theory]
    [InlineData("Upper/Case:1")]
    [InlineData("spaces in it")]
    [InlineData("../up")]
    [InlineData("made:tag:tag")]
    public void Text_that_is_no_name_is_refused(string name)
    {
        Load("made:1");
        Assert.Contains(name, Assert.Throws<ImageException>(() => _store.Tag("made:1", name)).Message, StringComparison.Ordinal);
        Assert.Throws<ImageException>(() => _store.Tag("missing:1", "fine:1"));
    }

    [Fact]
    public void Store_that_is_not_there_has_nothing()
    {
        Assert.Empty(_store.List());
        Assert.Null(_store.Get("made:1"));
        Assert.Null(_store.Remove("made:1"));
        Assert.False(Directory.Exists(_store.Path));
    }

    private static string HostProgram => Path.Combine(AppContext.BaseDirectory, "Containers.TestHost");

    private string TestHost(params string[] arguments) => Tool.Run(HostProgram, [arguments[0], "-", _store.Path, .. arguments[1..]]);
}
