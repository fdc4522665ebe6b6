using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>Mounts that show owners as a user namespace has them: mount_setattr(2), "ID-mapped mounts".</summary>
internal static class IdMapped
{
    /// <summary>Maps a mount that is attached nowhere.</summary>
    /// <exception cref="KernelException">The kernel or the file system cannot.</exception>
    public static void Map(MountHandle mount, NamespaceHandle users, string path, bool recursive = false)
    {
        try
        {
            mount.Map(users, recursive);
        }
        catch (KernelException exception)
        {
            throw new KernelException("map the owners of the mount", path, exception.Errno, exception.Errno switch
            {
                Errno.ENOSYS => $"Linux 5.12 has mounts that map owners. {WaysOut}",
                Errno.EINVAL => $"Its file system cannot map owners on this kernel (ext4 and xfs can from 5.12, btrfs 5.15, overlay 5.19, tmpfs 6.3 on; network file systems and FUSE cannot). {WaysOut}",
                Errno.EPERM => "It takes root's privileges over the file system: one that was mounted in a user namespace of others cannot be mapped.",
                _ => exception.Hint,
            });
        }
    }

    public const string WaysOut = "For a root, WithCopiedRoot() makes a copy with the container's owners instead.";
}
