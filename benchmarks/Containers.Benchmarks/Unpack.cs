using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Containers.Benchmarks.Pull;
using Containers.Layers;

namespace Containers.Benchmarks;

/// <summary>
/// Unpacks the tar of a Debian root with GNU tar and with this library, in turn, each time to an ext4 made for it in a file
/// of its own: on one that has seen a large removal, creating files is several times slower for whoever comes next.
/// Nothing is synced within the time, and nobody's caches are dropped. Needs root, debootstrap (or --tar FILE), zstd.
/// </summary>
internal static class UnpackBenchmark
{
    private static readonly (string Suffix, string Name, string? Compress)[] s_formats =
        [("tar", "plain", null), ("tar.gz", "gzip", "gzip -n -6 -c"), ("tar.zst", "zstd", "zstd -q -3 -c")];

    private sealed record Options(string Tar, int Runs, string? Json, string Work, string[] Formats);

    private sealed record Contender(string Name, string Format, string Archive, Action<string, string> Unpack)
    {
        public List<double> Milliseconds { get; } = [];

        /// <summary>Of the processor, in this process: less is told by other people's load than by the clock.</summary>
        public List<double> Processor { get; } = [];
    }

    /// <param name="args">[--tar FILE] [--runs N] [--formats plain,gzip,zstd] [--json FILE] [--work DIRECTORY]</param>
    public static int Run(string[] args)
    {
        string? Option(string name) => Array.IndexOf(args, name) is >= 0 and int i && i + 1 < args.Length ? args[i + 1] : null;

        Directory.CreateDirectory(Option("--work") ?? "/var/tmp");
        string cache = "/var/tmp/containers-benchmarks-unpack";
        Directory.CreateDirectory(cache);
        Options options = new(Option("--tar") ?? Debian(cache), int.Parse(Option("--runs") ?? "7", CultureInfo.InvariantCulture), Option("--json"),
            Path.Combine(Option("--work") ?? "/var/tmp", $"containers-benchmarks-{Environment.ProcessId}"), (Option("--formats") ?? "plain,gzip,zstd").Split(','));
        Directory.CreateDirectory(options.Work);
        try
        {
            List<Contender> contenders = [.. Contenders(options)];
            // The first one reads the archives into memory; this process compiles its hot loops for the last time in its third.
            for (int run = -3; run < options.Runs; run++)
            {
                foreach (Contender contender in contenders)
                {
                    if (run < -1 && contender.Name == "gnu-tar")
                    {
                        continue;
                    }

                    TimeSpan before = Environment.CpuUsage.TotalTime;
                    double milliseconds = Measure(contender, options.Work);
                    if (run >= 0)
                    {
                        contender.Milliseconds.Add(milliseconds);
                        contender.Processor.Add((Environment.CpuUsage.TotalTime - before).TotalMilliseconds);
                    }
                }
            }

            Report(contenders, options);
            return 0;
        }
        finally
        {
            Directory.Delete(options.Work, recursive: true);
        }
    }

    private static IEnumerable<Contender> Contenders(Options options)
    {
        foreach ((string suffix, string name, string? compress) in s_formats.Where(format => options.Formats.Contains(format.Name)))
        {
            string archive = options.Tar;
            if (compress is not null)
            {
                archive = Path.Combine(options.Work, "archive." + suffix);
                Shell.Bash($"{compress} '{options.Tar}' > '{archive}'");
            }

            yield return new Contender("gnu-tar", name, archive, (from, to) => Execute("tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xf", from, "-C", to));
            yield return new Contender("containers", name, archive, (from, to) => Unpack(from, to, recipe: null));
            yield return new Contender("with-recipe", name, archive, (from, to) => Unpack(from, to, recipe: Path.GetDirectoryName(to)));
        }
    }

    private static void Unpack(string archive, string directory, string? recipe)
    {
        using FileStream stream = new(archive, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        LayerUnpacker.Unpack(stream, directory, new LayerUnpackOptions { ConvertWhiteouts = false, RecipePlace = recipe });
    }

    private static double Measure(Contender contender, string work)
    {
        using FreshDisk disk = new(work);
        string root = Path.Combine(disk.Mount, "root");
        Directory.CreateDirectory(root);
        long start = Stopwatch.GetTimestamp();
        contender.Unpack(contender.Archive, root);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    // A folder that is kept, since making it takes a minute; the mirror is the one this machine uses.
    public static string Debian(string cache)
    {
        string tar = Path.Combine(cache, "debian.tar");
        if (!File.Exists(tar))
        {
            Console.Error.WriteLine("Making a Debian root with debootstrap…");
            Shell.Bash($"""
                set -eu
                . /etc/os-release
                mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
                rm -rf '{cache}/root'
                debootstrap --variant=minbase "$VERSION_CODENAME" '{cache}/root' "$mirror" > '{cache}/log' 2>&1
                tar --xattrs --xattrs-include='*' --numeric-owner -C '{cache}/root' -cf '{tar}.new' .
                mv '{tar}.new' '{tar}'
                rm -rf '{cache}/root'
                """);
        }

        return tar;
    }

    private static void Report(List<Contender> contenders, Options options)
    {
        Console.WriteLine($"{new FileInfo(options.Tar).Length / 1e6:F0} MB, {options.Runs} runs each, fresh ext4 each time; sha256 is part of containers' time");
        Console.WriteLine($"{"",-22}{"median",10}{"min",10}{"max",10}{"to gnu-tar",12}{"processor",13}");
        foreach (Contender contender in contenders)
        {
            Contender tar = contenders.First(other => other.Format == contender.Format);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{contender.Name + " " + contender.Format,-22}{Median(contender),7:F0} ms{contender.Milliseconds.Min(),7:F0} ms{contender.Milliseconds.Max(),7:F0} ms{Median(contender) / Median(tar),12:F2}{(contender.Name == "gnu-tar" ? "" : $"{Median(contender.Processor):F0} ms"),13}"));
        }

        if (options.Json is not null)
        {
            File.WriteAllText(options.Json, JsonSerializer.Serialize(new
            {
                bytes = new FileInfo(options.Tar).Length,
                contenders = contenders.Select(contender => new { name = contender.Name, format = contender.Format, median_ms = Median(contender), runs_ms = contender.Milliseconds }),
            }));
        }
    }

    private static double Median(Contender contender) => Median(contender.Milliseconds);

    private static double Median(List<double> values)
    {
        List<double> sorted = [.. values.Order()];
        return (sorted[sorted.Count / 2] + sorted[(sorted.Count - 1) / 2]) / 2;
    }

    private static void Execute(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}.");
        }
    }
}
