using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Containers.Native;

/// <summary>
/// Removes a directory of an untrusted tree, whatever its names are. No path is walked and nothing recurses, so that
/// neither links nor depth matter: what lies deeper is moved up, level by level, until the top is empty. No mount is
/// entered, since it may be the host's files that are mounted there.
/// </summary>
internal static unsafe class Tree
{
    private const ulong Here = Kernel.RESOLVE_NO_XDEV | Kernel.RESOLVE_NO_SYMLINKS;

    /// <summary>Removes a directory of a directory of the host's, with all in it.</summary>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="KernelException">Something could not be removed: EXDEV or EBUSY where something is still mounted.</exception>
    public static bool Remove(string parent, string name)
    {
        using PathHandle directory = PathHandle.OpenDirectory(parent);
        fixed (byte* bytes = CString.Bytes(name))
        {
            int result = Remove(directory.Descriptor, bytes);
            if (result != -(int)Errno.ENOENT)
            {
                Kernel.Check(result, "remove", Path.Combine(parent, name));
            }

            return result == 0;
        }
    }

    /// <param name="parent">A directory, or AT_FDCWD.</param>
    /// <param name="name">A name in it; for AT_FDCWD, a path of the host.</param>
    /// <returns>0 or -errno.</returns>
    public static int Remove(int parent, byte* name)
    {
        int top = parent == Kernel.AT_FDCWD ? Kernel.openat(parent, name, Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW) : Open(parent, name);
        if (top < 0)
        {
            return top;
        }

        long count = 0;
        try
        {
            // Each round removes every level that is the top's own, and takes one level more out of those below.
            for (bool again = true; again;)
            {
                again = false;
                foreach (byte[] entry in List(top))
                {
                    fixed (byte* bytes = entry)
                    {
                        int result = Kernel.unlinkat(top, bytes, 0);
                        if (result == -(int)Errno.EISDIR)
                        {
                            again = true;
                            result = Flatten(top, bytes, ref count);
                        }

                        if (result < 0)
                        {
                            return result;
                        }
                    }
                }
            }
        }
        finally
        {
            _ = Kernel.close(top);
        }

        return Kernel.unlinkat(parent, name, Kernel.AT_REMOVEDIR);
    }

    // Empties one directory in the top and removes it: its files go, its directories become the top's.
    private static int Flatten(int top, byte* name, ref long count)
    {
        if (Kernel.unlinkat(top, name, Kernel.AT_REMOVEDIR) == 0)
        {
            return 0; // as most are, once they have been moved up
        }

        int directory = Open(top, name);
        if (directory < 0)
        {
            return directory;
        }

        try
        {
            foreach (byte[] entry in List(directory))
            {
                fixed (byte* bytes = entry)
                {
                    int result = Kernel.unlinkat(directory, bytes, 0);
                    while (result is -(int)Errno.EISDIR or -(int)Errno.EEXIST)
                    {
                        fixed (byte* other = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $".moved-{count++}\0")))
                        {
                            result = Kernel.renameat2(directory, bytes, top, other, Kernel.RENAME_NOREPLACE);
                        }
                    }

                    if (result < 0)
                    {
                        return result;
                    }
                }
            }
        }
        finally
        {
            _ = Kernel.close(directory);
        }

        return Kernel.unlinkat(top, name, Kernel.AT_REMOVEDIR);
    }

    private static int Open(int directory, byte* name)
        => Kernel.openat2(directory, name, Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW, 0, Here);

    /// <summary>The names in a directory, with a NUL behind each.</summary>
    // An error ends the list, and the directory is then found not to be empty.
    public static List<byte[]> List(int directory)
    {
        List<byte[]> names = [];
        byte[] buffer = new byte[32 * 1024];
        _ = Kernel.lseek(directory, 0, 0);
        fixed (byte* bytes = buffer)
        {
            for (long length; (length = Kernel.getdents64(directory, bytes, (nuint)buffer.Length)) > 0;)
            {
                // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name.
                for (int at = 0; at < length; at += BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + 16)))
                {
                    ReadOnlySpan<byte> name = buffer.AsSpan(at + 19);
                    name = name[..(name.IndexOf((byte)0) + 1)];
                    if (!name.SequenceEqual(".\0"u8) && !name.SequenceEqual("..\0"u8))
                    {
                        names.Add(name.ToArray());
                    }
                }
            }
        }

        return names;
    }
}
