namespace Containers.Native;

/// <summary>Removes directories whose names may be any bytes, and whose links may lead anywhere.</summary>
internal static unsafe class Tree
{
    /// <summary>Removes a directory of a directory, with all in it. No link is followed and no mount is entered.</summary>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="KernelException">Something could not be removed: EXDEV where something is still mounted.</exception>
    public static bool Remove(string parent, string name)
    {
        using PathHandle directory = PathHandle.OpenDirectory(parent);
        fixed (byte* bytes = CString.Bytes(name))
        {
            return Remove(directory.Descriptor, bytes, Path.Combine(parent, name));
        }
    }

    private static bool Remove(int parent, byte* name, string path)
    {
        int result = Kernel.unlinkat(parent, name, Kernel.AT_REMOVEDIR);
        if (result == -(int)Errno.ENOENT)
        {
            return false;
        }

        if (result == -(int)Errno.ENOTEMPTY)
        {
            const ulong Here = Kernel.RESOLVE_NO_XDEV | Kernel.RESOLVE_NO_SYMLINKS | Kernel.RESOLVE_BENEATH;
            using (PathHandle directory = new((int)Kernel.Check(Kernel.openat2(parent, name, Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW, 0, Here), "remove", path)))
            {
                RemoveContent(directory.Descriptor, path);
            }

            result = Kernel.unlinkat(parent, name, Kernel.AT_REMOVEDIR);
        }

        Kernel.Check(result, "remove", path);
        return true;
    }

    private static void RemoveContent(int directory, string path)
    {
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(32 * 1024);
        try
        {
            fixed (byte* entries = buffer)
            {
                // Entries go while they are listed, which not every file system likes: so it is listed again until it is empty.
                for (bool any = true; any;)
                {
                    any = false;
                    Kernel.lseek(directory, 0, 0);
                    long length;
                    while ((length = Kernel.Check(Kernel.getdents64(directory, entries, 32 * 1024), "list", path)) > 0)
                    {
                        for (byte* entry = entries; entry < entries + length; entry += *(ushort*)(entry + 16))
                        {
                            byte* name = entry + 19; // struct linux_dirent64: ino, off, reclen, type, name
                            if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)))
                            {
                                continue;
                            }

                            any = true;
                            int result = entry[18] == 4 /* DT_DIR */ ? -(int)Errno.EISDIR : Kernel.unlinkat(directory, name, 0);
                            if (result == -(int)Errno.EISDIR)
                            {
                                Remove(directory, name, $"{path}/{CString.Read(name)}");
                            }
                            else
                            {
                                Kernel.Check(result, "remove", $"{path}/{CString.Read(name)}");
                            }
                        }
                    }
                }
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
