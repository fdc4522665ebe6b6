using System.Diagnostics;
using Containers.Tests.Images;
using Xunit;

namespace Containers.Tests.Storage;

/// <summary>Pruning, counting and verifying: what is needed stays, what is not goes, and damage is found.</summary>
[Trait("here", "yes")]
public sealed class StoreCareTests : IClassFixture<HostState>, IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly MadeImages _images;
    private readonly ImageStore _store;

    public StoreCareTests()
    {
        Requires.Owners();
        Requires.Tools("busybox");
        _images = new MadeImages(_directory);
        _store = new ImageStore(_directory["store"]);
    }

    public void Dispose() => _directory.Dispose();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string[] Layers => [.. Directory.GetDirectories(_directory["store/layers/sha256"]).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    [Fact]
    public async Task Pruning_removes_what_has_no_name_and_leaves_the_rest()
    {
        Image kept = _store.Load(_images.Archive("kept:1", "echo kept > kept"));
        Image nameless = _store.Load(_images.Archive(null, "head -c 1000000 /dev/urandom > large"));
        Tool.Bash($"mkdir {_directory["r"]}; echo x > {_directory["r/x"]}; tar -C {_directory["r"]} -cf {_directory["rootfs.tar"]} .");
        _store.Load("rootfs:" + _directory["rootfs.tar"]);
        Tool.Bash($"cd {_store.Path}; mkdir work/crashed; head -c 100000 /dev/zero > work/crashed/file; echo '{{' > names/broken.json; echo x > blobs/sha256/orphan");
        Assert.Equal(4, Layers.Length);

        PruneResult result = await _store.PruneAsync(cancellationToken: Cancelled);

        Assert.Equal([nameless.Id], result.Images);
        Assert.Equal((0, 2), (result.Names.Count, result.Layers));
        Assert.InRange(result.FreedBytes, 1_100_000, 1_500_000);
        Assert.Equal(kept.LowerDirectories.Select(path => path.Split('/')[^2]).Order(StringComparer.Ordinal), Layers);
        Assert.Equal(kept.Id[7..], Listing.Names(_store.Path + "/blobs/sha256").Single());
        Assert.Empty(Listing.Names(_store.Path + "/work"));
        Assert.Single(Listing.Names(_store.Path + "/names"));
        Assert.Equal(kept.Id, _store.Get("kept:1")!.Id);
        Assert.Equal(0, (await _store.PruneAsync(cancellationToken: Cancelled)).FreedBytes);
    }

    [Fact]
    public async Task Pruning_all_leaves_what_a_container_of_another_process_runs_from()
    {
        string archive = _images.Archive("used:1", "echo used > used");
        Image used = _store.Load(archive);
        _store.Load(_images.Archive("unused:1", "echo unused > unused"));
        using Process host = Process.Start(new ProcessStartInfo(HostProgram, ["start", "docker-archive:" + archive, _store.Path, "sleep", "1000"]) { RedirectStandardOutput = true, RedirectStandardInput = true })!;
        Assert.NotNull(await host.StandardOutput.ReadLineAsync(Cancelled));

        PruneResult first = await _store.PruneAsync(new PruneOptions { All = true }, Cancelled);
        Assert.Equal(["docker.io/library/unused:1"], first.Names);
        Assert.Equal(2, Layers.Length);
        Assert.True((await _store.DiskUsageAsync(Cancelled)).Images.Single().IsInUse);

        host.Kill();
        await host.WaitForExitAsync(Cancelled);
        PruneResult second = await _store.PruneAsync(new PruneOptions { All = true }, Cancelled);
        Assert.Equal([used.Id], second.Images);
        Assert.Empty(Layers);
    }

    [Fact]
    public async Task Usage_counts_as_du_does()
    {
        _store.Load(_images.Archive("one:1", "head -c 300000 /dev/urandom > one; ln one hard; mkdir -p a/b/c"));
        _store.Load(_images.Archive("two:1", "head -c 500000 /dev/urandom > two"));
        _store.Load(_images.Archive(null, "head -c 700000 /dev/urandom > three"));
        StoreUsage usage = await _store.DiskUsageAsync(Cancelled);
        long Du(string path) => long.Parse(Tool.Bash($"du -s -B1 {path} | cut -f1"), System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(Layers.Sum(layer => Du($"{_store.Path}/layers/sha256/{layer}")), usage.LayerBytes);
        Assert.Equal(["docker.io/library/one:1", "docker.io/library/two:1", ""], usage.Images.Select(image => string.Join(' ', image.Names)));
        Assert.All(usage.Images, image => Assert.InRange(image.Bytes - image.SharedBytes, 300_000, 750_000));
        Assert.InRange(usage.ReclaimableBytes, 700_000, 750_000);
        Assert.InRange(usage.TotalBytes, usage.LayerBytes, usage.LayerBytes + 100_000);
        Assert.Equal(0, (await new ImageStore(_directory["none"]).DiskUsageAsync(Cancelled)).TotalBytes);
    }

    [Fact]
    public async Task Sound_store_is_found_sound_with_everything_that_a_layer_can_have()
    {
        _store.Load(_images.Archive("made:1",
            $"mkdir -p d/e usr; ln -s usr lib; echo f > d/f; ln d/f d/g; mkfifo fifo; {(Environment.IsPrivilegedProcess ? "mknod dev c 1 5;" : "")} chmod 4711 d/f; chown 12:34 d/e; setfattr -n user.a -v b d/f; cp bin/busybox cap 2>/dev/null || echo > cap; setcap cap_net_raw+ep cap",
            "mkdir -p d lib; touch d/.wh.f; mkdir n; touch n/.wh..wh..opq n/x; touch .wh.fifo",
            "mkdir -p n; touch n/.wh.gone"));
        StoreVerification result = await _store.VerifyAsync(cancellationToken: Cancelled);
        Assert.Empty(result.Problems);
        Assert.True(result.IsSound);
        Assert.Equal((Layers.Length, 1), (result.Layers, result.Images));
    }

    [Theory]
    [InlineData("printf x >> root/own", "root", "own")]
    [InlineData("printf OWN > root/own", "digest", "")]
    [InlineData("rm root/own", "not there", "own")]
    [InlineData("chmod 600 root/own", "mode", "own")]
    [InlineData("chown 5 root/own", "belongs to 5:0", "own")]
    [InlineData("touch root/own", "time", "own")]
    [InlineData("touch root/more", "not in the archive", "more")]
    [InlineData("chmod 700 root/d", "mode 700", "d")]
    [InlineData("rmdir root/d/empty", "not there", "d/empty")]
    [InlineData("ln -sfn elsewhere root/link", "", "link")]
    [InlineData("setfattr -x user.a root/own", "user.a", "own")]
    [InlineData("rm -r root", "not complete", "")]
    [InlineData("rm layer.json", "not complete", "")]
    [InlineData("rm recipe", "earlier version", "")]
    [InlineData("cp -p root/own x; rm root/hard; cp -p x root/hard; rm x", "linked", "hard")]
    public async Task Damage_is_found_and_repaired_by_the_next_load(string damage, string expected, string name)
    {
        string archive = _images.Archive("made:1", "printf own > own; chmod 644 own; setfattr -n user.a -v b own; ln own hard; mkdir -p d/empty; ln -s own link");
        Image image = _store.Load(archive);
        string layer = image.LowerDirectories[0].Split('/')[^2];
        string before = Listing.Of(image.LowerDirectories[0]);
        Tool.BashAsRoot($"cd {_store.Path}/layers/sha256/{layer}; {damage}");

        StoreProblem problem = (await _store.VerifyAsync(cancellationToken: Cancelled)).Problems.First(problem => problem.Place == "layers/sha256/" + layer);
        Assert.False(problem.IsRepaired);
        Assert.Contains(expected == "root" ? "" : expected, problem.Description, StringComparison.Ordinal);
        Assert.Contains(name, problem.Description, StringComparison.Ordinal);

        StoreVerification repaired = await _store.VerifyAsync(repair: true, Cancelled);
        Assert.True(repaired.IsSound);
        Assert.NotEmpty(repaired.Problems);
        Assert.Null(_store.Get("made:1"));
        Image again = _store.Load(archive);
        Assert.Equal(before, Listing.Of(again.LowerDirectories[0]));
        Assert.Empty((await _store.VerifyAsync(cancellationToken: Cancelled)).Problems);
        Assert.Equal(image.Id, _store.Get("made:1")!.Id);
    }

    [Fact]
    public async Task Damaged_layer_that_is_in_use_stays_and_is_told()
    {
        Image image = _store.Load(_images.Archive("made:1", "echo own > own"));
        await using Container container = Container.FromImage(image).WithStore(_store.Path).WithCommand("sleep", "1000").Start();
        Tool.Bash($"echo more >> {image.LowerDirectories[0]}/own");
        StoreVerification result = await _store.VerifyAsync(repair: true, Cancelled);
        Assert.False(result.IsSound);
        Assert.Contains("in use", Assert.Single(result.Problems).Description, StringComparison.Ordinal);
        Assert.True(Directory.Exists(image.LowerDirectories[0]));
    }

    [Fact]
    public async Task Damaged_documents_and_names_that_lead_nowhere_are_found()
    {
        string archive = _images.Archive("made:1", "echo own > own");
        Image image = _store.Load(archive);
        Tool.Bash($"cd {_store.Path}; echo x >> blobs/sha256/{image.Id[7..]}; echo '{{' > images/sha256/{new string('a', 64)}.json; echo x > names/x.json");
        Assert.Equal(5, (await _store.VerifyAsync(cancellationToken: Cancelled)).Problems.Count); // the config, two records, the image without a config, its name
        Assert.True((await _store.VerifyAsync(repair: true, Cancelled)).IsSound);
        Assert.Empty(_store.List());
        Assert.Equal(image.Id, _store.Load(archive).Id);
        Assert.Empty((await _store.VerifyAsync(cancellationToken: Cancelled)).Problems);
    }

    [Fact]
    public async Task Three_hundred_layers_run_also_when_they_are_found_by_name()
    {
        Requires.That(Environment.OSVersion.Version >= new Version(6, 7), "this test needs Linux 6.7: older kernels take one page of mount options");
        _store.Load(_images.Archive("many:1", [.. Enumerable.Range(0, 320).Select(i => $"mkdir -p d; echo {i} > d/f{i}; echo {i} > last")]));
        Image image = _store.Get("many:1")!;
        Assert.Equal(321, image.LowerDirectories.Count);
        ContainerResult result = await Container.FromImage(image).WithStore(_store.Path).WithCommand("sh", "-c", "cat last; ls d | while read x; do echo; done | dd bs=1 2>/dev/null").RunAsync(cancellationToken: Cancelled);
        Assert.Equal("319\n" + new string('\n', 320), result.Output);
    }

    [Fact]
    public async Task Many_processes_load_run_commit_remove_prune_and_verify_at_once()
    {
        string archives = Directory.CreateDirectory(_directory["archives"]).FullName;
        for (int i = 0; i < 4; i++)
        {
            File.Move(_images.Archive($"storm:{i}", i % 2 == 0 ? "echo shared > shared" : "mkdir -p d; touch d/.wh.x", $"echo {i} > own"), $"{archives}/{i}.tar");
        }

        Task<(int ExitCode, string Output, string Error)>[] hosts = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(() => Tool.Try(HostProgram, "storm", archives, _store.Path, "8")))];
        foreach ((int exitCode, string output, string error) in await Task.WhenAll(hosts))
        {
            TestContext.Current.TestOutputHelper?.WriteLine(output);
            Assert.True(exitCode == 0, output + error);
        }

        Assert.Empty((await _store.VerifyAsync(cancellationToken: Cancelled)).Problems);
        await _store.PruneAsync(new PruneOptions { All = true }, Cancelled);
        Assert.Empty(Layers);
        Assert.Empty(Listing.Names(_store.Path + "/work"));
        Assert.Empty(Listing.Names(_store.Path + "/blobs/sha256"));
        Assert.Empty(Listing.Names(_store.Path + "/names"));
        Assert.Empty(Directory.GetDirectories(_store.Path + "/running"));
    }

    /// <summary>A disk that is taken away at any moment: what is on it then, after its journal was played, is a store that verifies.</summary>
    [Fact]
    public async Task Store_is_sound_on_a_disk_that_lost_its_power_right_after_a_load()
    {
        Requires.Root();
        Requires.Tools("mke2fs", "losetup");
        string archive = _images.Archive("made:1", "head -c 3000000 /dev/urandom > large; mkdir d; for i in $(seq 300); do echo $i > d/$i; done");
        string disk = _directory["disk"], mount = Directory.CreateDirectory(_directory["mount"]).FullName;
        Tool.Bash($"truncate -s 64M {disk}; mke2fs -q -t ext4 {disk}; mount -o loop,commit=300 {disk} {mount}");
        try
        {
            ImageStore store = new(mount + "/store");
            Image image = store.Load(archive, Cancelled);
            File.WriteAllText(mount + "/unsynced", "this shows that nothing else was written");
            Tool.Bash($"cp --sparse=always {disk} {disk}.lost"); // what a reader of the disk finds now: nothing of it was unmounted or synced
            Tool.Bash($"umount {mount}; mount -o loop {disk}.lost {mount}");
            ImageStore after = new(mount + "/store"); // the same path
            Assert.False(File.Exists(mount + "/unsynced") && new FileInfo(mount + "/unsynced").Length > 0);
            Assert.Empty((await after.VerifyAsync(cancellationToken: Cancelled)).Problems);
            Assert.Equal(image.Id, after.Get("made:1")!.Id);
            Assert.Equal(300, Directory.GetFiles(after.Get("made:1")!.LowerDirectories[0] + "/d").Length);
        }
        finally
        {
            Tool.Run("umount", mount);
        }
    }

    [Fact]
    public void What_is_published_is_on_the_disk_before_it_is_seen()
    {
        Requires.Tools("strace");
        string archive = _images.Archive("made:1", "echo own > own");
        string trace = _directory["trace"];
        Tool.Run("strace", "-f", "-y", "-qq", "-e", "trace=syncfs,fsync,renameat2", "-o", trace, HostProgram, "load", "docker-archive:" + archive, _store.Path);
        string[] calls = [.. File.ReadLines(trace).Where(line => line.Contains(_store.Path, StringComparison.Ordinal) && !line.Contains("resumed>", StringComparison.Ordinal) && !line.Contains("/sources/", StringComparison.Ordinal))];
        int Index(string pattern, int from = 0) => Array.FindIndex(calls, from, line => System.Text.RegularExpressions.Regex.IsMatch(line, pattern));
        // A layer: all of the file system, the rename, the directory it is in; and after both layers the documents, the record, the name.
        int renamed = Index("renameat2.*layers/sha256/"), last = Array.FindLastIndex(calls, line => line.Contains("renameat2", StringComparison.Ordinal) && line.Contains("/layers/sha256/", StringComparison.Ordinal));
        Assert.InRange(Index("syncfs"), 0, renamed - 1);
        Assert.InRange(Index("fsync.*layers/sha256>", last), last + 1, calls.Length);
        int blob = Index("renameat2.*blobs/sha256/"), record = Index("renameat2.*images/sha256/"), name = Index("renameat2.*names/");
        Assert.True(last < blob && blob < record && record < name, string.Join('\n', calls));
        foreach ((int published, string directory) in ((int, string)[])[(blob, "blobs/sha256"), (record, "images/sha256"), (name, "names")])
        {
            Assert.Matches("fsync.*/file>", calls[published - 1]);
            Assert.Matches($"fsync.*{directory}>", calls[published + 1]);
        }
    }

    private static string HostProgram => Path.Combine(AppContext.BaseDirectory, "Containers.TestHost");
}
