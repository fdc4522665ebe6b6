using Containers.Layers;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Storage;

/// <summary>What a tree takes on the disk: its blocks, each file once however many names it has.</summary>
internal static unsafe class TreeSize
{
    /// <summary>Bytes and files; nothing there is nothing.</summary>
    public static (long Bytes, long Files) Of(string path)
    {
        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        if (!StoreFiles.TryStat(path, out Kernel.statx_t top))
        {
            return (0, 0);
        }

        if (top.Type != Kernel.S_IFDIR)
        {
            return ((long)top.stx_blocks * 512, 1);
        }

        using PathHandle root = PathHandle.OpenDirectory(path);
        long bytes = (long)top.stx_blocks * 512, files = 1;
        HashSet<ulong> linked = [];
        Stack<byte[]> directories = new([[(byte)'.', 0]]);
        while (directories.TryPop(out byte[]? name))
        {
            int descriptor;
            fixed (byte* place = name)
            {
                descriptor = Kernel.openat2(root.Descriptor, place, Kernel.O_RDONLY | Kernel.O_DIRECTORY, 0, Kernel.RESOLVE_BENEATH | Kernel.RESOLVE_NO_SYMLINKS | Kernel.RESOLVE_NO_XDEV);
            }

            if (descriptor is -(int)Errno.ENOENT or -(int)Errno.ENOTDIR or -(int)Errno.ELOOP)
            {
                continue; // somebody took it away meanwhile
            }

            using PathHandle directory = new((int)Kernel.Check(descriptor, "open", PathText.Show(name.AsSpan(..^1))));
            foreach (byte[] entry in Tree.List(directory.Descriptor))
            {
                Kernel.statx_t status;
                fixed (byte* bytesOfName = entry)
                {
                    if (Kernel.statx(directory.Descriptor, bytesOfName, Kernel.AT_SYMLINK_NOFOLLOW, Kernel.STATX_BASIC_STATS, &status) < 0)
                    {
                        continue;
                    }
                }

                if (status.Type == Kernel.S_IFDIR)
                {
                    directories.Push([.. name.AsSpan(..^1), (byte)'/', .. entry]);
                }
                else if (status.stx_nlink > 1 && !linked.Add(status.stx_ino))
                {
                    continue;
                }

                bytes += (long)status.stx_blocks * 512;
                files++;
            }
        }

        return (bytes, files);
    }
}
