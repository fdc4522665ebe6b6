namespace Containers.Launch;

/// <summary>What is the matter with a place in a root where something is mounted or entered: openat2(2), move_mount(2).</summary>
internal static class PlaceHints
{
    /// <param name="errno">What the kernel answered.</param>
    /// <param name="place">Where, in words.</param>
    public static string? For(Errno errno, string place) => errno switch
    {
        Errno.ELOOP => $"A symbolic link at {place} or on the way to it leads to itself, or through /proc to where a link of an image may not lead.",
        Errno.ENOENT => $"A symbolic link at {place} or on the way to it leads nowhere: links of an image are followed inside it.",
        Errno.ENOTDIR => $"The image has something that is no directory at {place} or on the way to it.",
        Errno.EINVAL => $"The image has a directory at {place} where a file has to be, or a file where a directory has.",
        Errno.EAGAIN => $"Something was renamed on the way to {place} while it was looked up: somebody changes the root.",
        Errno.EROFS => $"The root is on a read-only file system and has nothing at {place}.",
        _ => null,
    };
}
