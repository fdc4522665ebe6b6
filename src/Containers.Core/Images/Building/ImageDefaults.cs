namespace Containers.Images.Building;

/// <summary>What nearly every program expects to find.</summary>
internal static class ImageDefaults
{
    private const string SearchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    public static void AddTo(ImageTree tree)
    {
        foreach (string mountPoint in (ReadOnlySpan<string>)["dev", "proc", "sys"])
        {
            tree.Put(mountPoint, TreeEntry.Directory(0x1ED /* 0755 */));
        }

        tree.Put("tmp", TreeEntry.Directory(0x3FF /* 1777 */));
        tree.Put("root", TreeEntry.Directory(0x1C0 /* 0700 */));
        tree.Put("etc/passwd", TreeEntry.File("root:x:0:0:root:/root:/bin/sh\n"u8.ToArray(), 0x1A4 /* 0644 */));
        tree.Put("etc/group", TreeEntry.File("root:x:0:\n"u8.ToArray(), 0x1A4));
    }

    public static ImageConfig AddTo(ImageConfig config)
        => config.Env.Any(line => line.StartsWith("PATH=", StringComparison.Ordinal)) ? config : config with { Env = [SearchPath, .. config.Env] };
}
