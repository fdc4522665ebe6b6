using System.Diagnostics;
using Containers.Storage;
using Xunit;

namespace Containers.Tests.Images.Registry;

/// <summary>Processes that are killed while they pull.</summary>
public sealed class KilledPullTests(PushedSample server) : IClassFixture<PushedSample>
{
    private const int Kills = 100;

    private static readonly string s_testHost = Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll");

    [Fact]
    public async Task Whenever_a_pull_is_killed_the_store_is_right_and_the_next_pull_finishes()
    {
        using TestDirectory directory = new();
        string name = server.Push();
        IReadOnlyList<string> expected = OverlayMount.Listing(directory, server.Sample.Expected);
        // The whole of a pull is what there is to be killed in; the first one tells how long that is, with all to be compiled.
        TimeSpan whole = Enumerable.Range(0, 3).Select(i => Run(name, directory[$"measured-{i}"], killAfter: null)).Min();
        int layers = Directory.GetDirectories(directory["measured-0/layers/sha256"]).Length;
        Random random = new(4711);
        int unfinished = 0;
        List<string> told = [];
        for (int i = 0; i < Kills; i++)
        {
            string path = directory[$"store-{i}"];
            Run(name, path, killAfter: whole * random.NextDouble());

            // What is seen is complete, whatever else is there.
            string[] seen = Directory.Exists(path + "/layers/sha256") ? Directory.GetDirectories(path + "/layers/sha256") : [];
            Assert.All(seen, layer => Assert.True(File.Exists(layer + "/layer.json") && Directory.Exists(layer + "/root"), layer));
            ImageLoader loader = new(new StoreLayout(path));
            if (loader.Catalog.Find(name) is { } there)
            {
                Assert.Equal(expected, OverlayMount.Listing(directory, there));
            }
            else
            {
                unfinished++;
            }

            ImageStore store = new(path);
            Image image = await store.PullAsync(name, new PullOptions { Logger = new ListLogger(told) }, TestContext.Current.CancellationToken);
            Assert.Equal(expected, OverlayMount.Listing(directory, image));
            Assert.Equal(layers, Directory.GetDirectories(path + "/layers/sha256").Length);
            Assert.Empty(Directory.EnumerateFileSystemEntries(path + "/work"));
            Assert.Empty(Directory.EnumerateFileSystemEntries(path + "/partial"));
            Assert.Single(store.List());
            Tool.Run("rm", "-rf", path);
        }

        int resumed = told.Count(line => line.StartsWith("Pulled", StringComparison.Ordinal) && !line.Contains(" 0 were there", StringComparison.Ordinal));
        TestContext.Current.TestOutputHelper?.WriteLine($"{Kills} kills within {whole.TotalMilliseconds:f0} ms: {unfinished} pulls were unfinished, {resumed} went on in the middle of a layer");
        Assert.InRange(unfinished, Kills / 4, Kills); // or nothing was tested
        Assert.InRange(resumed, 1, Kills);
    }

    /// <summary>Pulls in a process, and kills it some time after it began; returns how long it took.</summary>
    private static TimeSpan Run(string name, string store, TimeSpan? killAfter)
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [s_testHost, "pull", name, store]) { RedirectStandardOutput = true })!;
        using StreamReader output = process.StandardOutput;
        Assert.Equal("begins", output.ReadLine());
        long start = Stopwatch.GetTimestamp();
        if (killAfter is { } delay)
        {
            process.WaitForExit(delay);
            process.Kill();
        }

        process.WaitForExit();
        Assert.True(killAfter is not null || process.ExitCode == 0);
        return Stopwatch.GetElapsedTime(start);
    }
}
