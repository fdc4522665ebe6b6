using Containers.Tests.Layers;

namespace Containers.Tests.Hostile;

/// <summary>Headers and pax records that are not what they should be.</summary>
internal static class HeaderAttacks
{
    public static IEnumerable<HostileArchive> All =>
    [
        HostileArchive.Of("header: a wrong checksum", tar => tar.Add("x", changeAfterChecksum: header => header[0] ^= 1), "checksum"),
        HostileArchive.Of("header: noise in its place", tar => tar.Raw([.. Enumerable.Range(0, 512).Select(i => (byte)(i * 37))]), "checksum"),
        HostileArchive.Of("header: a size that is no number", tar => tar.Add("x", size: "size!"), "size"),
        HostileArchive.Of("header: a negative size", tar => tar.Add("x", size: "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff"), "size"),
        HostileArchive.Of("header: a size of 2^63", tar => tar.Add("x", size: "\u0080\0\0\0\u0080\0\0\0\0\0\0\0"), "size"),
        HostileArchive.Of("header: the largest size there is", tar => tar.Add("x", size: "\u0080\0\0\0\u007f\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff"), "size"),
        new("header: cut off in its middle", _ => HostileArchive.Around(_ => { })[..(512 * 4 + 100)], "cut off"),
        new("header: cut off in a body", _ => new TarWriter().Add("x", new byte[2000]).End()[..1500], "cut off"),
        new("header: an extended one with nothing behind it", _ => new TarWriter().Add("first").Pax(("path", "x")).End(), "nothing behind"),
        new("header: none at all", _ => [], "empty"),
        new("header: no tar but text", _ => TarWriter.Latin1(new string('t', 2000)), "no tar"),
        HostileArchive.Of("pax: a length of zero", tar => tar.RawPax("0 path=x\n").Add("x"), "record"),
        HostileArchive.Of("pax: a length beyond the end", tar => tar.RawPax("99 path=x\n").Add("x"), "record"),
        HostileArchive.Of("pax: a length that is no number", tar => tar.RawPax("ab path=x\n").Add("x"), "record"),
        HostileArchive.Of("pax: a negative length", tar => tar.RawPax("-9 path=x\n").Add("x"), "record"),
        HostileArchive.Of("pax: a length that overflows", tar => tar.RawPax("18446744073709551625 path=x\n").Add("x"), "record"),
        HostileArchive.Of("pax: no sign between key and value", tar => tar.RawPax("9 path.x\n").Add("x"), "record"),
        HostileArchive.Of("pax: no end of line", tar => tar.RawPax("9 path=xx").Add("x"), "record"),
        HostileArchive.Of("pax: a negative size", tar => tar.Pax(("size", "-1")).Add("x"), "size"),
        HostileArchive.Of("pax: a size beyond 64 bits", tar => tar.Pax(("size", "99999999999999999999")).Add("x"), "size"),
        HostileArchive.Of("pax: a size larger than the archive", tar => tar.Pax(("size", "1000000")).Add("x", data: "x"), "cut off"),
        HostileArchive.Of("pax: a time that is no number", tar => tar.Pax(("mtime", "NaN")).Add("x"), "mtime"),
        HostileArchive.Of("pax: a time beyond 64 bits", tar => tar.Pax(("mtime", "1e400")).Add("x"), "mtime"),
        HostileArchive.Of("pax: an attribute without a name", tar => tar.Pax(("SCHILY.xattr.", "x")).Add("x"), "cannot be right"),
        HostileArchive.Of("pax: an attribute's name with a NUL", tar => tar.Pax(("SCHILY.xattr.user.a\0b", "x")).Add("x"), "cannot be right"),
        HostileArchive.Of("pax: an attribute larger than the kernel takes", tar => tar.Pax(("SCHILY.xattr.user.big", new string('x', 100_000))).Add("x"), "attribute"),
        HostileArchive.Of("pax: an attribute of no known kind", tar => tar.Pax(("SCHILY.xattr.nonsense", "x")).Add("x"), "attribute"),
        HostileArchive.Of("pax: 100,000 records", tar => tar.RawPax(string.Concat(Enumerable.Repeat("9 aa=bbb\n", 100_000))).Add("x", data: "fine"), null, "./x file"),
        HostileArchive.Of("sparse: pieces that overlap", tar => Sparse(tar, "2\n0\n512\n256\n512\n", 2048, 1024), "sparse"),
        HostileArchive.Of("sparse: pieces that go back", tar => Sparse(tar, "2\n1024\n512\n0\n512\n", 2048, 1024), "sparse"),
        HostileArchive.Of("sparse: a piece beyond the size", tar => Sparse(tar, "1\n4096\n512\n", 2048, 512), "sparse"),
        HostileArchive.Of("sparse: more pieces than data", tar => Sparse(tar, "2\n0\n512\n512\n512\n", 2048, 512), "sparse"),
        HostileArchive.Of("sparse: a negative piece", tar => Sparse(tar, "1\n-512\n512\n", 2048, 512), "sparse"),
        HostileArchive.Of("sparse: a count without end", tar => Sparse(tar, "99999999999999\n0\n", 2048, 512), "sparse"),
        HostileArchive.Of("sparse: a map without its end", tar => Sparse(tar, "1\n0\n51", 2048, 0), "sparse"),
        HostileArchive.Of("sparse: an odd list in a header", tar => tar.Pax(("GNU.sparse.major", "0"), ("GNU.sparse.minor", "1"), ("GNU.sparse.map", "0,512,1024"), ("GNU.sparse.size", "2048")).Add("s", new byte[512]), "sparse"),
        HostileArchive.Of("sparse: a size of 2^62 without data", tar => Sparse(tar, "0\n", 1L << 62, 0), "may have"),
    ];

    private static void Sparse(TarWriter tar, string map, long size, int data)
        => tar.Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s"), ("GNU.sparse.realsize", $"{size}"))
            .Add("GNUSparseFile/s", [.. TarWriter.Latin1(map.PadRight((map.Length + 511) & ~511, '\0')), .. new byte[data]]);
}
