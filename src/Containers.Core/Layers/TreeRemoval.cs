using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Containers.Native;

namespace Containers.Layers;

/// <summary>
/// Removes a directory of an untrusted tree. No path is walked and nothing recurses, so that neither links nor depth matter:
/// what lies deeper is moved up, level by level, until the top is empty.
/// </summary>
internal static unsafe class TreeRemoval
{
    /// <returns>0 or -errno.</returns>
    public static int Remove(int parent, byte* name)
    {
        int top = Kernel.openat(parent, name, Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW);
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
        int directory = Kernel.openat(top, name, Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW);
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

    // Names with a NUL behind each. An error ends the list, and the directory is then found not to be empty.
    private static List<byte[]> List(int directory)
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
