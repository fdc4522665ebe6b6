using System.Diagnostics;
using System.Globalization;
using Containers.Benchmarks.Peers;
using Containers.Layers;
using Containers.Native;

namespace Containers.Benchmarks.Pull;

/// <summary>
/// Whether one EROFS image for each layer would beat files: erofs [--runs N]. For the time of writing, the least that any writer of such an image has to do: to inflate, to hash, and to
/// write as many bytes to one file. For the disk, what mkfs.erofs makes of the tree. For starts, an overlay of four such images beside one of four directories. Linux 6.12, erofs-utils.
/// </summary>
internal static class ErofsBenchmark
{
    public static int Run(string[] args)
    {
        int runs = args is ["--runs", { } number] ? int.Parse(number, CultureInfo.InvariantCulture) : 5;
        string cache = Directory.CreateDirectory("/var/tmp/containers-benchmarks-unpack").FullName;
        using WorkFolder work = new();
        string tar = UnpackBenchmark.Debian(cache), gzip = work.In("gz"), zstd = work.In("zst");
        Shell.Bash($"gzip -n -6 -c '{tar}' > '{gzip}'; zstd -q -3 -c '{tar}' > '{zstd}'");
        foreach ((string name, string archive) in ((string, string)[])[("plain", tar), ("gzip", gzip), ("zstd", zstd)])
        {
            List<double> files = [], image = [];
            for (int run = -2; run < runs; run++)
            {
                double one = Time(work, disk => Files(archive, disk)), other = Time(work, disk => OneFile(archive, disk));
                if (run >= 0)
                {
                    files.Add(one);
                    image.Add(other);
                }
            }

            double least = Statistics.Percentile(image, 50), ours = Statistics.Percentile(files, 50);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-6} files {ours,6:F0} ms, one file {least,6:F0} ms at least: {least / ours:F2} of it"));
        }

        Disk(tar, work);
        Mounts(tar, work);
        return 0;
    }

    private static void Files(string archive, string disk)
    {
        Directory.CreateDirectory(disk + "/root");
        using FileStream stream = File.OpenRead(archive);
        LayerUnpacker.Unpack(stream, disk + "/root", new LayerUnpackOptions());
        Shell.Bash($"sync -f '{disk}'");
    }

    private static void OneFile(string archive, string disk)
    {
        using FileStream stream = File.OpenRead(archive);
        using ArchiveInput input = new(stream);
        using (FileStream file = new(disk + "/image", FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            for (ReadOnlySpan<byte> bytes = input.Take(1 << 20); !bytes.IsEmpty; bytes = input.Take(1 << 20))
            {
                file.Write(bytes);
            }
        }

        input.Finish();
        Shell.Bash($"sync -f '{disk}'");
    }

    private static void Disk(string tar, WorkFolder work)
    {
        using FreshDisk disk = new(work.Path);
        long empty = disk.Used;
        Files(tar, disk.Mount);
        long files = disk.Used - empty;
        Shell.Bash($"mkfs.erofs -d0 '{work.In("plain.erofs")}' '{disk.Mount}/root' && mkfs.erofs -d0 -zlz4hc '{work.In("lz4.erofs")}' '{disk.Mount}/root'");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"disk: files {files / 1024} MiB, EROFS {new FileInfo(work.In("plain.erofs")).Length >> 20} MiB, with lz4 {new FileInfo(work.In("lz4.erofs")).Length >> 20} MiB"));
    }

    private static void Mounts(string tar, WorkFolder work)
    {
        const int Layers = 4;
        string root = work.In("tree");
        Shell.Bash($"mkdir -p '{root}' {string.Join(' ', Enumerable.Range(0, Layers).Select(i => $"'{work.In($"m{i}")}'"))} && tar -C '{root}' -xf '{tar}' ./etc ./usr/bin && mkfs.erofs -d0 '{work.In("small.erofs")}' '{root}'");
        for (int i = 0; i < Layers; i++)
        {
            File.Copy(work.In("small.erofs"), work.In($"{i}.erofs"));
            Shell.Bash($"cp -a '{root}' '{work.In($"d{i}")}'");
        }

        List<double> directories = [], images = [];
        for (int run = -20; run < 200; run++)
        {
            long began = Stopwatch.GetTimestamp();
            using (MountHandle overlay = Overlay(Enumerable.Range(0, Layers).Select(i => work.In($"d{i}"))))
            {
                Add(directories, run, began);
            }

            began = Stopwatch.GetTimestamp();
            for (int i = 0; i < Layers; i++)
            {
                using MountHandle layer = MountHandle.Create("erofs", [("source", work.In($"{i}.erofs"))], MountAttributes.ReadOnly);
                layer.Attach(work.In($"m{i}"));
            }

            using (MountHandle overlay = Overlay(Enumerable.Range(0, Layers).Select(i => work.In($"m{i}"))))
            {
                Add(images, run, began);
            }

            for (int i = 0; i < Layers; i++)
            {
                MountHandle.Detach(work.In($"m{i}"));
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"mounting four layers: directories {Statistics.Percentile(directories, 50):F3} ms, EROFS {Statistics.Percentile(images, 50):F3} ms (medians)"));

        static MountHandle Overlay(IEnumerable<string> lower) => MountHandle.Create("overlay", lower.Select(path => ("lowerdir+", (string?)path)), MountAttributes.ReadOnly);

        static void Add(List<double> times, int run, long began)
        {
            if (run >= 0)
            {
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }
    }

    private static double Time(WorkFolder work, Action<string> action)
    {
        using FreshDisk disk = new(work.Path);
        long began = Stopwatch.GetTimestamp();
        action(disk.Mount);
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }
}
