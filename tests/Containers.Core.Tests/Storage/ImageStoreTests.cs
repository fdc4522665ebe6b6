using System.Diagnostics;
using Containers.Tests.Images;
using Xunit;

namespace Containers.Tests.Storage;

/// <summary>The store: once, completely or not at all, by any number at once.</summary>
public sealed class ImageStoreTests : IClassFixture<HostState>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly ImageStore _store;

    public ImageStoreTests()
    {
        Requires.Root();
        _store = new ImageStore(_directory["store"]);
    }

    public void Dispose() => _directory.Dispose();

    private string ThreeLayers(string name = "image.tar")
    {
        HandMadeArchive archive = new(_directory, name);
        for (int i = 0; i < 3; i++)
        {
            archive.AddLayer($"mkdir d{i}; for n in $(seq 200); do echo {i} > d{i}/$n; done");
        }

        return archive.Save();
    }

    [Fact]
    public void Layers_are_shared_between_images()
    {
        Image one = _store.Load(new HandMadeArchive(_directory, "1.tar").AddLayer("touch -d @0 base .").AddLayer("touch -d @0 one .").Save());
        Image two = _store.Load(new HandMadeArchive(_directory, "2.tar").AddLayer("touch -d @0 base .").AddLayer("touch -d @0 two .").Save());
        Assert.NotEqual(one.Id, two.Id);
        Assert.Equal(one.LowerDirectories[1], two.LowerDirectories[1]);
        Assert.Equal(3, Directory.GetDirectories(_directory["store/layers/sha256"]).Length);
    }

    [Fact]
    public void Warm_load_gives_the_same_image_and_reads_nothing_of_the_archive()
    {
        string path = ThreeLayers();
        Tool.Bash($"touch -d '1 hour ago' {path}");
        SpinUntilSettled(() => ReferenceEquals(_store.Load(path), _store.Load(path)));
        Image first = _store.Load(path);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Image again = _store.Load(path);

        Assert.Same(first, again);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4096); // no buffer was filled, no JSON parsed
    }

    // A file that changed within the last clock tick is not remembered.
    private static void SpinUntilSettled(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(60)));

    [Fact]
    public void New_process_finds_a_known_image_by_the_records()
    {
        string path = ThreeLayers();
        SpinUntilSettled(() => ReferenceEquals(_store.Load(path), _store.Load(path)));
        Tool.Run("rm", "-r", _store.Path);
        Image first = new Containers.Storage.ImageLoader(new Containers.Storage.StoreLayout(_store.Path)).Load(path, default);
        Assert.Single(Directory.GetFiles(_store.Path + "/sources"));
        string before = Listing.OfStore(_store.Path);

        Containers.Storage.ImageLoader another = new(new Containers.Storage.StoreLayout(_store.Path));
        Assert.Equal(first.LowerDirectories, another.Load(path, default).LowerDirectories);
        Assert.Equal(first.LowerDirectories, another.Load("docker-archive:" + path, default).LowerDirectories);
        Assert.Equal(before, Listing.OfStore(_store.Path));
    }

    [Fact]
    public void Damaged_records_are_found_out_again()
    {
        string path = ThreeLayers();
        Image first = _store.Load(path);
        Tool.Bash($"cd {_store.Path}; for f in sources/*.json images/sha256/*.json layers/sha256/*/layer.json; do [ ! -e $f ] || echo '{{' > $f; done");
        Image again = new Containers.Storage.ImageLoader(new Containers.Storage.StoreLayout(_store.Path)).Load(path, default);
        Assert.Equal(first.LowerDirectories, again.LowerDirectories);
        Assert.Equal(200, Directory.GetFiles(again.LowerDirectories[0] + "/d2").Length);
        Assert.Equal(first.Layers, again.Layers);
    }

    [Fact]
    public void Image_without_layers_is_an_empty_directory()
    {
        Image image = _store.Load(new HandMadeArchive(_directory).Save());
        Assert.Empty(image.Layers);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Assert.Single(image.LowerDirectories)));
    }

    [Fact]
    public void Another_file_of_the_same_name_is_another_image()
    {
        Image one = _store.Load(new HandMadeArchive(_directory).AddLayer("echo 1 > file").Save());
        Tool.Bash($"rm -r {_directory["image.tar"]}.content");
        Image two = _store.Load(new HandMadeArchive(_directory).AddLayer("echo 2 > file").Save());
        Assert.NotEqual(one.Id, two.Id);
        Assert.Equal("2\n", File.ReadAllText(two.LowerDirectories[0] + "/file"));
    }

    [Fact]
    public void Store_that_was_removed_is_made_again()
    {
        string path = ThreeLayers();
        _store.Load(path);
        Tool.Run("rm", "-r", _store.Path);
        Assert.All(_store.Load(path).LowerDirectories, lower => Assert.True(Directory.Exists(lower)));
    }

    [Fact]
    public void Many_threads_unpack_once()
    {
        string path = ThreeLayers();
        Image[] images = new Image[8];
        Parallel.For(0, images.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => images[i] = _store.Load(path));
        Assert.Single(images.Select(image => string.Join(':', image.LowerDirectories)).Distinct());
        Assert.Equal(3, Directory.GetDirectories(_directory["store/layers/sha256"]).Length);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/work"]));
    }

    [Fact]
    public async Task Two_processes_unpack_once()
    {
        string path = ThreeLayers();
        Task<(int ExitCode, string Output, string Error)>[] others = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() => AnotherProcess(path)))];
        Image mine = await _store.LoadAsync(path);
        foreach ((int exitCode, string output, string error) in await Task.WhenAll(others))
        {
            Assert.True(exitCode == 0 && output.Contains("Total: 1,", StringComparison.Ordinal), output + error);
        }

        Assert.Equal(3, Directory.GetDirectories(_directory["store/layers/sha256"]).Length);
        Assert.Equal(200, Directory.GetFiles(mine.LowerDirectories[0] + "/d2").Length);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/work"]));
    }

    /// <summary>This very program, told to run <see cref="Load_for_another_process"/>.</summary>
    private (int ExitCode, string Output, string Error) AnotherProcess(string image)
        => Tool.Try("env", [$"TEST_STORE={_store.Path}", $"TEST_IMAGE={image}", Environment.ProcessPath!, .. ThisAssembly(),
            "-explicit", "only", "-method", $"{typeof(ImageStoreTests).FullName}.{nameof(Load_for_another_process)}"]);

    private static string[] ThisAssembly()
        => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(ImageStoreTests).Assembly.Location] : [];

    [Fact(Explicit = true)]
    public void Load_for_another_process()
        => Assert.Equal(3, new ImageStore(Environment.GetEnvironmentVariable("TEST_STORE")!).Load(Environment.GetEnvironmentVariable("TEST_IMAGE")!).Layers.Count);

    [Fact]
    public void Leftovers_of_a_crashed_process_are_removed_and_work_of_a_living_one_stays()
    {
        string path = ThreeLayers();
        string work = Directory.CreateDirectory(_directory["store/work"]).FullName;
        Tool.Bash($"cd {work}; mkdir -p crashed/root/deep; touch crashed.lock lonely crashed/root/deep/file; mkdir living");
        using Process living = Process.Start(new ProcessStartInfo("bash", ["-c", $"exec 9> {work}/living.lock; flock 9; echo ready; exec sleep 1000 < /dev/null"]) { RedirectStandardOutput = true })!;
        Assert.Equal("ready", living.StandardOutput.ReadLine());

        _store.Load(path);
        Assert.Equal(["living", "living.lock"], Listing.Names(work));

        living.Kill();
        living.WaitForExit();
        _store.Load(ThreeLayers("other.tar"));
        Assert.Empty(Listing.Names(work));
    }

    [Fact]
    public void Cancelled_load_leaves_nothing_unfinished()
    {
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        string path = ThreeLayers();
        Assert.ThrowsAny<OperationCanceledException>(() => _store.Load(path, cancelled.Token));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory["store/work"]));
        Assert.Equal(3, _store.Load(path).Layers.Count);
    }

    [Fact]
    public void Full_disk_is_told_and_another_try_with_room_succeeds()
    {
        string path = new HandMadeArchive(_directory).AddLayer("head -c 100000 /dev/urandom > small").AddLayer("head -c 4000000 /dev/urandom > large").Save();
        string mount = Directory.CreateDirectory(_directory["full"]).FullName;
        Tool.Run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount);
        try
        {
            ImageStore store = new(mount + "/store");
            KernelException exception = Assert.Throws<KernelException>(() => store.Load(path));
            Assert.Equal(Errno.ENOSPC, exception.Errno);
            Assert.Matches("layer [12] of 2", exception.Message); // two are unpacked at a time, and either can find the disk full
            Assert.Contains("CONTAINERS_STORE", exception.Hint, StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateFileSystemEntries(mount + "/store/work"));
            Assert.Empty(Directory.EnumerateFileSystemEntries(mount + "/store/images/sha256"));

            Tool.Run("mount", "-o", "remount,size=20m", mount);
            Assert.Equal(2, store.Load(path).Layers.Count);
        }
        finally
        {
            Tool.Run("umount", mount);
        }
    }

    [Theory]
    [InlineData("/proc/containers-store")]
    [InlineData("/dev/null/store")]
    public void Store_that_cannot_be_made_is_told(string store)
    {
        string path = ThreeLayers();
        ContainerException exception = Assert.ThrowsAny<ContainerException>(() => new ImageStore(store).Load(path));
        Assert.Contains(store, exception.Message, StringComparison.Ordinal);
        Assert.Contains("CONTAINERS_STORE", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_only_store_is_told()
    {
        string mount = Directory.CreateDirectory(_directory["read-only"]).FullName;
        string first = ThreeLayers();
        string second = new HandMadeArchive(_directory, "second.tar").AddLayer("touch x").Save();
        Tool.Run("mount", "-t", "tmpfs", "tmpfs", mount);
        try
        {
            ImageStore store = new(mount);
            Image image = store.Load(first);
            File.SetLastWriteTimeUtc(first, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc)); // so that there is something to remember about it again
            long settled = Environment.TickCount64 + 100;
            SpinWait.SpinUntil(() => Environment.TickCount64 > settled); // and it is, of files that have not changed within some clock ticks only
            Tool.Run("mount", "-o", "remount,ro", mount);
            Assert.Equal(image.Id, store.Load(first).Id);
            KernelException exception = Assert.Throws<KernelException>(() => store.Load(second));
            Assert.Equal(Errno.EROFS, exception.Errno);
            Assert.Contains("CONTAINERS_STORE", exception.Hint, StringComparison.Ordinal);
        }
        finally
        {
            Tool.Run("umount", mount);
        }
    }

    [Fact]
    public void Environment_names_the_usual_place()
    {
        string? before = Environment.GetEnvironmentVariable("CONTAINERS_STORE");
        try
        {
            Environment.SetEnvironmentVariable("CONTAINERS_STORE", _directory["chosen"]);
            Assert.Equal(_directory["chosen"], ImageStore.Default.Path);
            Environment.SetEnvironmentVariable("CONTAINERS_STORE", null);
            Assert.Equal("/var/lib/containers-net", ImageStore.Default.Path);
        }
        finally
        {
            Environment.SetEnvironmentVariable("CONTAINERS_STORE", before);
        }
    }

    [Fact]
    public void Others_of_the_host_cannot_walk_in()
    {
        _store.Load(ThreeLayers());
        Assert.Equal("700 700", Tool.Bash($"stat -c %a {_store.Path} {_store.Path}/layers | paste -sd' '").Trim());
    }
}
