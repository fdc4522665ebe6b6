using System.Text;
using Containers.Native;

namespace Containers;

/// <summary>Names of network namespaces: files below /run/netns, each with a namespace mounted on it, as iproute2 keeps them (ip-netns(8)).</summary>
/// <remarks>
/// iproute2 binds /run/netns to itself, too, so that what is mounted there spreads to other mount namespaces. That is left
/// out: it would be a mount for ever after, and systems share their root anyway.
/// </remarks>
internal static unsafe class NamedNamespaces
{
    private const string Folder = "/run/netns";

    /// <exception cref="ContainerException">It can be no name.</exception>
    public static string PathOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        bool possible = name is not ("" or "." or "..") && !name.AsSpan().ContainsAny('/', '\0') && Encoding.UTF8.GetByteCount(name) <= 255;
        return possible
            ? $"{Folder}/{name}"
            : throw new ContainerException($"\"{name.Replace("\0", "\\0", StringComparison.Ordinal)}\" cannot be the name of a network namespace.", "It names a file: 1 to 255 bytes without a slash.");
    }

    public static void Add(string path, NamespaceHandle handle)
    {
        fixed (byte* folder = CString.Bytes(Folder), target = CString.Bytes(path), source = CString.Bytes($"/proc/self/fd/{handle.Descriptor}"), none = "none\0"u8)
        {
            int made = Kernel.mkdirat(Kernel.AT_FDCWD, folder, 0b111_101_101);
            if (made != -(int)Errno.EEXIST)
            {
                Kernel.Check(made, "make directory", Folder);
            }

            int file = Kernel.openat(Kernel.AT_FDCWD, target, Kernel.O_RDONLY | Kernel.O_CREAT | Kernel.O_EXCL);
            if (file == -(int)Errno.EEXIST)
            {
                throw new KernelException("add network namespace", path, Errno.EEXIST, "Another has the name; what is no longer needed goes with NetworkNamespace.Delete, or \"ip netns delete\".");
            }

            Kernel.close((int)Kernel.Check(file, "add network namespace", path));
            int mounted = Kernel.mount(source, target, none, Kernel.MS_BIND, null);
            if (mounted < 0)
            {
                Kernel.unlinkat(Kernel.AT_FDCWD, target, 0);
                Kernel.Check(mounted, "mount network namespace", path);
            }
        }
    }

    public static void Delete(string path)
    {
        fixed (byte* target = CString.Bytes(path))
        {
            int unmounted = Kernel.umount2(target, Kernel.MNT_DETACH | Kernel.UMOUNT_NOFOLLOW);
            if (unmounted != -(int)Errno.EINVAL) // a file on which nothing is mounted was left behind by someone
            {
                Kernel.Check(unmounted, "unmount network namespace", path);
            }

            Kernel.Check(Kernel.unlinkat(Kernel.AT_FDCWD, target, 0), "delete network namespace", path);
        }
    }
}
