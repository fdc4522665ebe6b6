using System.IO.Compression;
using Containers.Tests.Layers;

namespace Containers.Tests.Hostile;

/// <summary>A layer that means harm, and what has to come of it.</summary>
/// <param name="Name">What it tries.</param>
/// <param name="Bytes">Makes the archive, told of a file outside of the root that it must not reach.</param>
/// <param name="Refused">Words of the error; null where it does no harm and is unpacked.</param>
/// <param name="Expect">What is in the root afterwards: lines of the listing, in part, without times.</param>
internal sealed record HostileArchive(string Name, Func<string, byte[]> Bytes, string? Refused, params string[] Expect)
{
    /// <summary>Limits that are small enough to be tried.</summary>
    public static UnpackLimits Limits { get; } = new() { MaximumSize = 32 << 20, MaximumFileSize = 1L << 30, MaximumEntries = 2000, MaximumDepth = 100, MaximumRatio = 100, RatioFrom = 1 << 20 };

    public static IEnumerable<HostileArchive> All => [.. NameAttacks.All, .. LinkAttacks.All, .. WhiteoutAttacks.All, .. EntryAttacks.All, .. HeaderAttacks.All, .. BombAttacks.All];

    /// <summary>The tar with a good entry before it and behind it, so that it is seen that something was unpacked and that nothing stays.</summary>
    public static HostileArchive Of(string name, Action<TarWriter> attack, string? refused, params string[] expect)
        => new(name, _ => Around(attack), refused, expect);

    public static HostileArchive Of(string name, Action<TarWriter, string> attack, string? refused, params string[] expect)
        => new(name, canary => Around(tar => attack(tar, canary)), refused, expect);

    public static byte[] Around(Action<TarWriter> attack)
    {
        TarWriter tar = new TarWriter().Directory("good/").Add("good/first", data: "1");
        attack(tar);
        return tar.Add("good/last", data: "2").End();
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using MemoryStream compressed = new();
        using (GZipStream gzip = new(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return compressed.ToArray();
    }

    public override string ToString() => Name;
}
