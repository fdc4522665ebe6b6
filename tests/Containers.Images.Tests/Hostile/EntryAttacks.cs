namespace Containers.Tests.Hostile;

/// <summary>Entries that are twice there, stand in each other's way, or are more than a file.</summary>
internal static class EntryAttacks
{
    public static IEnumerable<HostileArchive> All =>
    [
        HostileArchive.Of("entry: a file below a file", tar => tar.Add("f").Add("f/g", data: "evil"), "no directory"),
        HostileArchive.Of("entry: a file below a device", tar => tar.Add("n", '3', major: "0000001", minor: "0000003").Add("n/g", data: "evil"), "no directory"),
        HostileArchive.Of("entry: a file below a fifo", tar => tar.Add("p", '6').Add("p/g", data: "evil"), "no directory"),
        HostileArchive.Of("entry: one name as everything in turn", tar => tar.Add("e", data: "1").Directory("e").Symlink("e", "..").Add("e", '6').Add("e", '3', major: "0000001", minor: "0000003").Hardlink("e", "good/first").Directory("e").Add("e/in", data: "2"), null, "./e/in file"),
        HostileArchive.Of("entry: a file again and again", tar => Enumerable.Range(0, 200).ToList().ForEach(i => tar.Add("again", data: $"{i}")), null, "./again file"),
        HostileArchive.Of("entry: written to a fifo", tar => tar.Add("p", '6').Add("p", data: "evil"), null, "./p file"),
        HostileArchive.Of("entry: written to a device", tar => tar.Add("null", '3', major: "0000001", minor: "0000003").Add("null", data: "evil"), null, "./null file"),
        HostileArchive.Of("entry: written to another name of a file", tar => tar.Hardlink("h", "good/first").Add("h", data: "evil"), null, "./good/first file"),
        HostileArchive.Of("entry: the host's memory and disk as nodes", tar => tar.Add("mem", '3', major: "0000001", minor: "0000001", mode: "0000666").Add("sda", '4', major: "0000010", minor: "0000000", mode: "0000666"), null),
        HostileArchive.Of("entry: a device number out of range", tar => tar.Add("n", '3', major: "7777777", minor: "7777777"), "device number"),
        HostileArchive.Of("entry: a negative device number", tar => tar.Add("n", '3', major: "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff"), "device number"),
        HostileArchive.Of("entry: the root as a link", (tar, canary) => tar.LongName(Path.GetDirectoryName(canary)!, 'K').Symlink("./", "x"), "root itself"),
        HostileArchive.Of("entry: the root as a file", tar => tar.Add("./", data: "evil"), "checksum"),
        HostileArchive.Of("entry: the root closed to all", tar => tar.Directory("./", mode: "0000000"), null, "./good/last file"),
        HostileArchive.Of("entry: a directory closed to all, then files in it", tar => tar.Directory("shut/", mode: "0000000").Add("shut/in", data: "1"), null, "./shut/in file"),
        HostileArchive.Of("entry: a type that nobody knows", tar => tar.Add("x", 'Z', data: "evil"), "type that is not known"),
        HostileArchive.Of("entry: a mode with bits beyond", tar => tar.Add("m", mode: "7777777", data: "x"), null, "./m file 7777"),
        HostileArchive.Of("entry: an owner beyond 32 bits", tar => tar.Pax(("uid", "4294967296")).Add("m", data: "x"), "owner 4294967296"),
        HostileArchive.Of("entry: the owner that means no change", tar => tar.Pax(("uid", "4294967295"), ("gid", "4294967295")).Add("m", data: "x"), "owner 4294967295"),
    ];
}
