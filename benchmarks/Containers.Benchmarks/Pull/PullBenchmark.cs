using System.Diagnostics;
using System.Globalization;
using Containers.Benchmarks.Peers;

namespace Containers.Benchmarks.Pull;

/// <summary>
/// A Debian root of four layers, from a registry on the loopback and from a docker archive, unpacked to a fresh ext4: by this library, podman, containerd, skopeo
/// with umoci, and the least that a shell would do. They take turns: pull [--runs N] [--only gzip,zstd,archive,warm].
/// </summary>
internal static class PullBenchmark
{
    /// <summary>Pulls once in a process of its own, and prints what it took.</summary>
    public const string Once = "pull-once";

    private sealed record Entrant(string Name, string What, Func<FreshDisk, double> Run)
    {
        public List<double> Milliseconds { get; } = [];

        public string? Failure { get; set; }
    }

    public static int Run(string[] args)
    {
        string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int i && i + 1 < args.Length ? args[i + 1] : null;
        int runs = int.Parse(Option("--runs") ?? "5", CultureInfo.InvariantCulture);
        string[] only = (Option("--only") ?? "gzip,zstd,archive,warm").Split(',');
        string cache = Directory.CreateDirectory("/var/tmp/containers-benchmarks-unpack").FullName;
        using WorkFolder work = new();
        string archive = PullImage.Archive(cache);
        using LocalRegistry registry = new(work, Path.Combine(cache, "registry"), 5999);
        PullImage.Push(archive, registry.Name, registry.Data);

        List<Entrant> entrants = [.. Entrants(work, registry, archive).Where(entrant => only.Contains(entrant.What))];
        for (int run = -1; run < runs; run++)
        {
            foreach (Entrant entrant in entrants.Where(entrant => entrant.Failure is null))
            {
                using FreshDisk disk = new(work.Path);
                try
                {
                    double took = entrant.Run(disk);
                    if (run >= 0)
                    {
                        entrant.Milliseconds.Add(took);
                    }
                }
                catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception)
                {
                    entrant.Failure = exception.Message.ReplaceLineEndings(" ");
                }
            }
        }

        Report(entrants);
        if (only.Contains("gzip"))
        {
            using FreshDisk disk = new(work.Path);
            Console.WriteLine("in a process of its own: " + Shell.Bash($"'{Environment.ProcessPath}' {Once} {registry.Name}/{PullImage.Gzip} '{disk.Mount}/store'").Trim());
        }

        if (only.Contains("warm"))
        {
            Warm(work, registry);
        }

        return 0;
    }

    public static int RunOnce(string[] args)
    {
        long began = Stopwatch.GetTimestamp();
        new ImageStore(args[1]).PullAsync(args[0]).GetAwaiter().GetResult();
        double took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        using Process self = Process.GetCurrentProcess();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{took:F0} ms with all that is compiled on the way, peak of memory {self.PeakWorkingSet64 / 1048576.0:F1} MiB"));
        return 0;
    }

    private static IEnumerable<Entrant> Entrants(WorkFolder work, LocalRegistry registry, string archive)
    {
        foreach ((string what, string tag) in ((string, string)[])[("gzip", PullImage.Gzip), ("zstd", PullImage.Zstd)])
        {
            string name = $"{registry.Name}/{tag}";
            yield return new("containers", what, disk => Time(() => new ImageStore(disk.Mount + "/store").PullAsync(name).GetAwaiter().GetResult()));
            yield return new("podman pull", what, disk => Time($"podman --root '{disk.Mount}/root' --runroot '{disk.Mount}/run' --storage-driver overlay pull -q --tls-verify=false '{name}'"));
            yield return new("ctr pull", what, disk => Containerd(work, disk, name));
            yield return new("skopeo, umoci", what, disk => Time($"skopeo copy -q --src-tls-verify=false 'docker://{name}' 'oci:{disk.Mount}/l:1' && umoci unpack --image '{disk.Mount}/l:1' '{disk.Mount}/bundle'"));
            string inflate = what == "gzip" ? "pigz -dc" : "zstd -dcq";
            string blobs = string.Join(' ', PullImage.Blobs(registry.Data, tag[(tag.IndexOf(':', StringComparison.Ordinal) + 1)..]));
            yield return new("shell", what, disk => Time($"set -o pipefail; printf '%s\\n' {blobs} | xargs -P 2 -I BLOB bash -c 'd={disk.Mount}/$RANDOM$RANDOM; mkdir $d; {inflate} BLOB | tee >(sha256sum > $d.sum) | tar -x --xattrs --xattrs-include=\"*\" --numeric-owner -C $d'"));
        }

        yield return new("containers", "archive", disk => Time(() => new ImageStore(disk.Mount + "/store").Load("docker-archive:" + archive)));
        yield return new("podman load", "archive", disk => Time($"podman --root '{disk.Mount}/root' --runroot '{disk.Mount}/run' --storage-driver overlay load -q -i '{archive}'"));
    }

    // Its daemon is started beforehand and not within the time.
    private static double Containerd(WorkFolder work, FreshDisk disk, string name)
    {
        File.WriteAllText(work.In("containerd.toml"), $"version = 2\nroot = '{disk.Mount}/c'\nstate = '{disk.Mount}/s'\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n[grpc]\naddress = '{disk.Mount}/sock'\n");
        using Process daemon = Process.Start(new ProcessStartInfo("containerd", ["--config", work.In("containerd.toml"), "--log-level", "error"]))!;
        try
        {
            Shell.Bash($"for i in $(seq 100); do ctr -a '{disk.Mount}/sock' version > /dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1");
            return Time($"ctr -a '{disk.Mount}/sock' images pull --plain-http '{name}' > /dev/null");
        }
        finally
        {
            daemon.Kill();
            daemon.WaitForExit();
        }
    }

    // What a start pays for an image that is in the store: to find it, and to see that its layers are there.
    private static void Warm(WorkFolder work, LocalRegistry registry)
    {
        using FreshDisk disk = new(work.Path);
        ImageStore store = new(disk.Mount + "/store");
        string name = $"{registry.Name}/{PullImage.Gzip}";
        store.PullAsync(name).GetAwaiter().GetResult();
        List<double> took = [.. Enumerable.Range(0, 200).Select(_ => Time(() => store.Load(name))).Skip(50)];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"warm load by name: {Statistics.Percentile(took, 50) * 1000:F0} us (median), {Statistics.Percentile(took, 95) * 1000:F0} us (95 %)   goal <= 1000 us"));
    }

    private static double Time(string script) => Time(() => Shell.Bash(script));

    private static double Time(Action action)
    {
        long began = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static void Report(List<Entrant> entrants)
    {
        foreach (IGrouping<string, Entrant> group in entrants.GroupBy(entrant => entrant.What))
        {
            double ours = Statistics.Percentile(group.First().Milliseconds, 50);
            Console.WriteLine($"{group.Key}: median, least, most; times ours");
            foreach (Entrant entrant in group)
            {
                Console.WriteLine(entrant.Failure is not null ? $"  {entrant.Name,-14} not measured: {entrant.Failure}"
                    : string.Create(CultureInfo.InvariantCulture, $"  {entrant.Name,-14}{Statistics.Percentile(entrant.Milliseconds, 50),8:F0} ms{entrant.Milliseconds.Min(),8:F0}{entrant.Milliseconds.Max(),8:F0}{Statistics.Percentile(entrant.Milliseconds, 50) / ours,8:F2} x"));
            }
        }
    }
}
