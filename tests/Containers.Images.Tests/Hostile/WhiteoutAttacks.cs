namespace Containers.Tests.Hostile;

/// <summary>Whiteouts that hide what is not theirs.</summary>
internal static class WhiteoutAttacks
{
    public static IEnumerable<HostileArchive> All =>
    [
        HostileArchive.Of("whiteout: of the parent", tar => tar.Add("good/.wh..."), ".."),
        HostileArchive.Of("whiteout: of the directory itself", tar => tar.Add("good/.wh.."), "whiteout"),
        HostileArchive.Of("whiteout: of nothing", tar => tar.Add("good/.wh."), "whiteout"),
        HostileArchive.Of("whiteout: of the root's parent", tar => tar.Add(".wh..."), ".."),
        HostileArchive.Of("whiteout: through the parent", tar => tar.Add("../.wh.canary"), ".."),
        HostileArchive.Of("whiteout: through a link that leads out", tar => tar.Symlink("out", "..").Add("out/.wh.canary"), null),
        HostileArchive.Of("whiteout: opaque through a link that leads out", tar => tar.Symlink("out", "..").Add("out/.wh..wh..opq"), null),
        HostileArchive.Of("whiteout: of an entry of its own layer", tar => tar.Add("good/.wh.first"), null, "./good/first file"),
        HostileArchive.Of("whiteout: that is a directory", tar => tar.Directory("good/.wh.d/").Add("good/.wh.d/inside", data: "evil"), "whiteout"),
        HostileArchive.Of("whiteout: that is a link", (tar, canary) => tar.LongName(canary, 'K').Symlink("good/.wh.l", "x"), null),
        HostileArchive.Of("whiteout: with data in it", tar => tar.Add("good/.wh.x", data: "evil"), null),
        HostileArchive.Of("whiteout: aufs's own names", tar => tar.Directory(".wh..wh.plnk/").Add(".wh..wh.aufs").Add(".wh..wh.plnk/1.2"), null),
        HostileArchive.Of("whiteout: made as overlay keeps it, a device 0:0", tar => tar.Add("good/dev0", '3'), null),
        HostileArchive.Of("whiteout: as an attribute of overlay's", tar => tar.Pax(("SCHILY.xattr.trusted.overlay.opaque", "y"), ("SCHILY.xattr.trusted.overlay.redirect", "/etc"), ("SCHILY.xattr.user.overlay.whiteout", "y")).Directory("d/"), null, "./d directory"),
    ];
}
