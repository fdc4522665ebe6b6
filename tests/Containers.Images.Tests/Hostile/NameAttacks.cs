namespace Containers.Tests.Hostile;

/// <summary>Names that lead out of the root.</summary>
internal static class NameAttacks
{
    public static IEnumerable<HostileArchive> All =>
    [
        HostileArchive.Of("name: parent of the root", tar => tar.Add("../canary", data: "evil"), ".."),
        HostileArchive.Of("name: through a directory of its own", tar => tar.Directory("a").Add("a/../../canary", data: "evil"), ".."),
        HostileArchive.Of("name: dot, then parent", tar => tar.Add("./../canary", data: "evil"), ".."),
        HostileArchive.Of("name: absolute, then parent", tar => tar.Add("/../canary", data: "evil"), ".."),
        HostileArchive.Of("name: the parent itself, as a directory", tar => tar.Directory("..", mode: "0000777"), ".."),
        HostileArchive.Of("name: the parent behind slashes", tar => tar.Directory(".//..//", mode: "0000777"), ".."),
        HostileArchive.Of("name: many parents", tar => tar.Add(string.Concat(Enumerable.Repeat("../", 20)) + "etc/containers-evil", data: "evil"), ".."),
        HostileArchive.Of("name: parent in the ustar prefix", tar => tar.Add("canary", data: "evil", prefix: ".."), ".."),
        HostileArchive.Of("name: parent half in the prefix", tar => tar.Add("./canary", data: "evil", prefix: "a/.."), ".."),
        HostileArchive.Of("name: parent in a pax path", tar => tar.Pax(("path", "../canary")).Add("x", data: "evil"), ".."),
        HostileArchive.Of("name: parent in a global pax path", tar => tar.Pax('g', ("path", "../canary")).Add("x", data: "evil"), ".."),
        HostileArchive.Of("name: parent in a GNU long name", tar => tar.LongName("../canary").Add("x", data: "evil"), ".."),
        HostileArchive.Of("name: parent in a GNU sparse name", tar => tar.Pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "../canary"), ("GNU.sparse.realsize", "0")).Add("x", data: "0\n".PadRight(512, '\0')), ".."),
        HostileArchive.Of("name: absolute path of the canary", (tar, canary) => tar.LongName(canary).Add("x", data: "evil"), null),
        // A name that ends with a slash is a directory, and has no data: as in the oldest tars.
        HostileArchive.Of("name: only slashes, as a file", tar => tar.Add("///", data: "evil"), "checksum"),
        HostileArchive.Of("name: empty, as a device", tar => tar.Add("", '3', major: "0000001", minor: "0000003"), "has no name"),
        HostileArchive.Of("name: a NUL in a pax path", tar => tar.Pax(("path", "good\0/../../canary")).Add("x", data: "evil"), "cannot be right"),
        HostileArchive.Of("name: one byte too long for any file system", tar => tar.LongName(new string('n', 256)).Add("x"), "ENAMETOOLONG"),
        HostileArchive.Of("name: a path too long for the kernel", tar => tar.LongName(string.Concat(Enumerable.Repeat("dir/", 1500)) + "x").Add("x"), "ENAMETOOLONG"),
        HostileArchive.Of("name: three dots are no parent", tar => tar.Add(".../file", data: "fine"), null, "./.../file file"),
        HostileArchive.Of("name: a backslash is no separator", tar => tar.Add("..\\canary", data: "fine"), null, "./..\\x5ccanary file"),
    ];
}
