using Containers.Native;

namespace Containers.Storage;

/// <summary>Copies what is in a file, and what is said about it.</summary>
internal static unsafe class FileCopy
{
    private const long FICLONE = 0x40049409; // linux/fs.h
    private const int Most = 64 << 10; // XATTR_LIST_MAX, and XATTR_SIZE_MAX for a value

    /// <summary>Shares blocks where the file system can, has the kernel copy where it can, and copies otherwise.</summary>
    public static void Copy(int from, int to, long size, string path)
    {
        if (size == 0 || Kernel.Call(SystemCall.ioctl, to, FICLONE, from) >= 0)
        {
            return;
        }

        for (long done = 0; done < size;)
        {
            long copied = Kernel.Call(SystemCall.copy_file_range, from, 0, to, 0, size - done);
            if (copied is -(long)Errno.EXDEV or -(long)Errno.EINVAL or -(long)Errno.EOPNOTSUPP or -(long)Errno.ENOSYS)
            {
                CopyByHand(from, to, path);
                return;
            }

            done += Kernel.Check(copied, "copy", path);
            if (copied == 0)
            {
                return; // it has become shorter meanwhile
            }
        }
    }

    /// <summary>Copies extended attributes, but for an overlay's own marks: an opaque directory on top would hide all.</summary>
    public static void CopyAttributes(int from, int to, string path, CopiedOwners? owners = null)
    {
        byte[] names = new byte[Most], value = new byte[Most];
        fixed (byte* namesBytes = names, valueBytes = value)
        {
            long length = Kernel.Call(SystemCall.flistxattr, from, (long)namesBytes, names.Length);
            for (int start = 0, end; start < length; start = end + 1)
            {
                end = Array.IndexOf(names, (byte)0, start);
                ReadOnlySpan<byte> name = names.AsSpan(start..end);
                if (Layers.TreeWriter.IsOverlays(name))
                {
                    continue;
                }

                bool isCapabilities = name.SequenceEqual("security.capability"u8);
                // Capabilities name a root: the one of the namespace that files are given in.
                long size = isCapabilities && MappedRoot.IsEntered
                    ? MappedRoot.Call(SystemCall.fgetxattr, from, (long)(namesBytes + start), (long)valueBytes, value.Length)
                    : Kernel.fgetxattr(from, namesBytes + start, valueBytes, (nuint)value.Length);
                Kernel.Check(size, "getxattr", path);
                ReadOnlySpan<byte> given = value.AsSpan(0, (int)size);
                given = isCapabilities && owners is not null ? owners.Capabilities(given) : given;
                fixed (byte* bytes = given)
                {
                    Kernel.Check(Kernel.fsetxattr(to, namesBytes + start, bytes, (nuint)given.Length), "setxattr", path);
                }
            }
        }
    }

    private static void CopyByHand(int from, int to, string path)
    {
        byte[] buffer = new byte[256 << 10];
        fixed (byte* bytes = buffer)
        {
            for (long count; (count = Kernel.Check(Kernel.read(from, bytes, (nuint)buffer.Length), "read", path)) > 0;)
            {
                for (long written = 0; written < count;)
                {
                    written += Kernel.Check(Kernel.write(to, bytes + written, (nuint)(count - written)), "write", path);
                }
            }
        }
    }
}
