namespace Containers.Tests.Hostile;

/// <summary>Links that lead out of the root, and then something that goes through them.</summary>
internal static class LinkAttacks
{
    public static IEnumerable<HostileArchive> All =>
    [
        HostileArchive.Of("link: absolute, then a file through it", (tar, canary) => tar.LongName(Path.GetDirectoryName(canary)!, 'K').Symlink("out", "x").Add("out/canary", data: "evil"), null, "./out link"),
        HostileArchive.Of("link: relative, then a file through it", tar => tar.Symlink("out", "..").Add("out/canary", data: "evil"), null, "./canary file"),
        HostileArchive.Of("link: to the root's parent by /proc", tar => tar.Symlink("out", "/proc/self/cwd/..").Add("out/canary", data: "evil"), null),
        HostileArchive.Of("link: to an open descriptor", tar => tar.Symlink("out", "/proc/self/fd/3").Add("out/canary", data: "evil"), null),
        HostileArchive.Of("link: a chain of them", tar => tar.Symlink("a", "b").Symlink("b", "c/..").Symlink("c", "../..").Add("a/canary", data: "evil"), null, "./canary file"),
        HostileArchive.Of("link: in a circle", tar => tar.Symlink("a", "b").Symlink("b", "a").Add("a/x", data: "evil"), "too many symbolic links"),
        HostileArchive.Of("link: then a file of the same name", (tar, canary) => tar.LongName(canary, 'K').Symlink("f", "x").Add("f", data: "mine"), null, "./f file"),
        HostileArchive.Of("link: then a directory of the same name", (tar, canary) => tar.LongName(Path.GetDirectoryName(canary)!, 'K').Symlink("d", "x").Directory("d").Add("d/canary", data: "mine"), null, "./d/canary file"),
        HostileArchive.Of("link: in place of a directory that was written to", tar => tar.Directory("d/e").Add("d/e/f", data: "1").Symlink("d", "..").Add("d/canary", data: "evil"), null, "./canary file"),
        HostileArchive.Of("link: mode and owner of what it leads to", (tar, canary) => tar.LongName(canary, 'K').Add("l", '2', mode: "0004777", uid: "0001750"), null, "./l link"),
        HostileArchive.Of("link: a device through it", tar => tar.Symlink("out", "../..").Add("out/node", '3', major: "0000001", minor: "0000003"), null, "./node"),
        HostileArchive.Of("link: without a target", tar => tar.Symlink("l", ""), "link to nothing"),
        HostileArchive.Of("link: a target longer than a page", tar => tar.LongName(new string('t', 5000), 'K').Symlink("l", "x"), "ENAMETOOLONG"),
        HostileArchive.Of("link: a NUL in its target", tar => tar.Pax(("linkpath", "good\0evil")).Symlink("l", "x"), "cannot be right"),
        HostileArchive.Of("hard link: to the canary", (tar, canary) => tar.LongName(canary, 'K').Hardlink("h", "x"), "hard link"),
        HostileArchive.Of("hard link: to the parent's file", tar => tar.Hardlink("h", "../canary"), "hard link"),
        HostileArchive.Of("hard link: through a link that leads out", tar => tar.Symlink("out", "..").Hardlink("h", "out/canary"), "hard link"),
        HostileArchive.Of("hard link: to a link that leads out, then a file of its name", (tar, canary) => tar.LongName(canary, 'K').Symlink("out", "x").Hardlink("h", "out").Add("h", data: "mine"), null, "./h file"),
        HostileArchive.Of("hard link: parent in a pax linkpath", tar => tar.Pax(("linkpath", "../canary")).Hardlink("h", "good/first"), "hard link"),
        HostileArchive.Of("hard link: to a directory", tar => tar.Hardlink("h", "good"), "link"),
        HostileArchive.Of("hard link: to itself", tar => tar.Hardlink("h", "h"), "hard link"),
        HostileArchive.Of("hard link: to what comes later", tar => tar.Hardlink("h", "good/last"), "hard link"),
        HostileArchive.Of("hard link: to the root", tar => tar.Hardlink("h", "/"), "hard link"),
        HostileArchive.Of("hard link: with data behind it", tar => tar.Add("h", '1', data: "evil", link: "good/first"), "checksum"),
    ];
}
