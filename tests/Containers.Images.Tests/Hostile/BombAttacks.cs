using System.Diagnostics;
using Containers.Tests.Layers;

namespace Containers.Tests.Hostile;

/// <summary>Archives that become much more than they are.</summary>
internal static class BombAttacks
{
    public static IEnumerable<HostileArchive> All =>
    [
        new("bomb: 24 MiB of zeros in gzip", _ => HostileArchive.Gzip(HostileArchive.Around(tar => tar.Add("zeros", new byte[24 << 20]))), "100 times longer"),
        new("bomb: 24 MiB of zeros in zstd", _ => Compress("zstd", HostileArchive.Around(tar => tar.Add("zeros", new byte[24 << 20]))), "100 times longer"),
        new("bomb: 24 MiB of zeros in xz", _ => Compress("xz", HostileArchive.Around(tar => tar.Add("zeros", new byte[24 << 20]))), "100 times longer"),
        new("bomb: zeros behind the end of the tar", _ => [.. HostileArchive.Around(_ => { }), .. new byte[40 << 20]], "33554432 bytes"),
        new("bomb: many members of gzip", _ => [.. HostileArchive.Gzip(HostileArchive.Around(_ => { })), .. Enumerable.Repeat(HostileArchive.Gzip(new byte[1 << 20]), 40).SelectMany(member => member)], "times longer"),
        new("bomb: more than a layer may be", _ => HostileArchive.Around(tar => tar.Add("big", new byte[40 << 20])), "33554432 bytes"),
        HostileArchive.Of("bomb: more entries than a layer may have", tar => Enumerable.Range(0, 2100).ToList().ForEach(i => tar.Add($"f{i}")), "2000 entries"),
        HostileArchive.Of("bomb: directories deeper than they may be", tar => tar.LongName(string.Concat(Enumerable.Repeat("d/", 150)) + "f").Add("x"), "deeper than 100"),
        HostileArchive.Of("bomb: deeper and deeper through links", tar =>
        {
            string deep = string.Concat(Enumerable.Repeat("d/", 60));
            tar.LongName(deep).Directory("x").LongName(deep.TrimEnd('/'), 'K').Symlink("l", "x").LongName("l/" + deep).Directory("x").LongName("l/" + deep + "f").Add("y");
        }, "deeper than 100"),
        HostileArchive.Of("bomb: a long name of 9 MB", tar => tar.LongName(new string('n', 9 << 20)).Add("x"), "is the limit"),
        HostileArchive.Of("bomb: global records without end", tar => Enumerable.Range(0, 10).ToList().ForEach(i => tar.Pax('g', ("comment", new string('c', 1 << 20)))), "longer than"),
        HostileArchive.Of("bomb: extended headers without end", tar => Enumerable.Range(0, 40).ToList().ForEach(i => tar.Pax(("comment", new string('c', 1 << 20)))), "33554432 bytes"),
        HostileArchive.Of("bomb: 200,000 pieces of a sparse file", tar =>
        {
            string map = string.Concat(Enumerable.Range(0, 200_000).Select(i => $"{i * 4096}\n1\n"));
            map = $"200000\n{map}";
            tar.Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s"), ("GNU.sparse.realsize", $"{200_000 * 4096L}"))
                .Add("s", [.. TarWriter.Latin1(map.PadRight((map.Length + 511) & ~511, '\0')), .. new byte[200_000]]);
        }, null, "./s file"),
    ];

    private static byte[] Compress(string program, byte[] bytes)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, ["-c"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        using MemoryStream compressed = new();
        Task reading = process.StandardOutput.BaseStream.CopyToAsync(compressed);
        process.StandardInput.BaseStream.Write(bytes);
        process.StandardInput.Close();
        reading.GetAwaiter().GetResult();
        process.WaitForExit();
        return compressed.ToArray();
    }
}
