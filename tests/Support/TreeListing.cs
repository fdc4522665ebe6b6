using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Containers.Native;

namespace Containers.Tests;

/// <summary>
/// A directory tree as sorted lines, one for each name, with all that can be told about it: type, mode, owner, time to the
/// nanosecond, size, content, holes, attributes, link targets, device numbers, and which names are the same file. Two
/// trees are equal when their lines are. Names are shown byte for byte.
/// </summary>
internal static unsafe partial class TreeListing
{
    /// <param name="directory">The root of the tree, listed as ".".</param>
    /// <param name="times">False where modification times cannot be compared.</param>
    public static IReadOnlyList<string> Of(string directory, bool times = true)
    {
        List<(string Path, byte[] Full)> names = [(".", [.. Encoding.UTF8.GetBytes(directory), 0])];
        for (int i = 0; i < names.Count; i++)
        {
            if (Status(names[i].Full).Type == Kernel.S_IFDIR)
            {
                foreach (byte[] child in Children(names[i].Full))
                {
                    names.Add((names[i].Path + "/" + Escape(child), [.. names[i].Full.AsSpan(..^1), (byte)'/', .. child, 0]));
                }
            }
        }

        names.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        Dictionary<(uint, uint, ulong), string> seen = [];
        return [.. names.Select(name => Line(name.Path, name.Full, seen, times))];
    }

    private static string Line(string path, byte[] full, Dictionary<(uint, uint, ulong), string> seen, bool times)
    {
        Kernel.statx_t status = Status(full);
        StringBuilder line = new();
        line.Append(CultureInfo.InvariantCulture, $"{path} {TypeName(status.Type)} {Convert.ToString(status.stx_mode & 0xfff, 8)} {status.stx_uid}:{status.stx_gid}");
        if (times)
        {
            line.Append(CultureInfo.InvariantCulture, $" {status.stx_mtime.tv_sec}.{status.stx_mtime.tv_nsec:d9}");
        }

        switch (status.Type)
        {
            case Kernel.S_IFREG:
                bool holes = status.stx_blocks * 512 + 8192 < status.stx_size;
                line.Append(CultureInfo.InvariantCulture, $" {status.stx_size} bytes{(holes ? " with holes" : "")} {Hash(full)}");
                break;
            case Kernel.S_IFLNK:
                line.Append(" -> ").Append(Target(full));
                break;
            case Kernel.S_IFCHR or Kernel.S_IFBLK:
                line.Append(CultureInfo.InvariantCulture, $" {status.stx_rdev_major}:{status.stx_rdev_minor}");
                break;
        }

        if (status.Type != Kernel.S_IFDIR && status.stx_nlink > 1)
        {
            (uint, uint, ulong) file = (status.stx_dev_major, status.stx_dev_minor, status.stx_ino);
            line.Append(CultureInfo.InvariantCulture, $" {status.stx_nlink} names");
            if (!seen.TryAdd(file, path))
            {
                line.Append(" same as ").Append(seen[file]);
            }
        }

        foreach ((string name, string value) in Xattrs(full))
        {
            line.Append(CultureInfo.InvariantCulture, $" [{name}={value}]");
        }

        return line.ToString();
    }

    private static Kernel.statx_t Status(byte[] path)
    {
        Kernel.statx_t status;
        fixed (byte* bytes = path)
        {
            Kernel.Check(Kernel.statx(Kernel.AT_FDCWD, bytes, Kernel.AT_SYMLINK_NOFOLLOW, Kernel.STATX_BASIC_STATS, &status), "stat", Escape(path));
        }

        return status;
    }

    private static List<byte[]> Children(byte[] path)
    {
        List<byte[]> names = [];
        byte[] buffer = new byte[16384];
        fixed (byte* bytes = path, entries = buffer)
        {
            int directory = (int)Kernel.Check(Kernel.openat(Kernel.AT_FDCWD, bytes, Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW), "open", Escape(path));
            for (long length; (length = Kernel.getdents64(directory, entries, (nuint)buffer.Length)) > 0;)
            {
                for (int at = 0; at < length; at += BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + 16)))
                {
                    Span<byte> name = buffer.AsSpan(at + 19);
                    names.Add(name[..name.IndexOf((byte)0)].ToArray());
                }
            }

            _ = Kernel.close(directory);
        }

        names.RemoveAll(name => name is [(byte)'.'] or [(byte)'.', (byte)'.']);
        return names;
    }

    private static string Hash(byte[] path)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 16];
        fixed (byte* name = path, bytes = buffer)
        {
            int file = (int)Kernel.Check(Kernel.openat(Kernel.AT_FDCWD, name, Kernel.O_RDONLY | Kernel.O_NOFOLLOW), "open", Escape(path));
            for (long length; (length = Kernel.read(file, bytes, (nuint)buffer.Length)) > 0;)
            {
                hash.AppendData(buffer, 0, (int)length);
            }

            _ = Kernel.close(file);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    private static string Target(byte[] path)
    {
        byte[] buffer = new byte[4096];
        fixed (byte* name = path, bytes = buffer)
        {
            return Escape(buffer.AsSpan(0, (int)Kernel.Check(Kernel.readlinkat(Kernel.AT_FDCWD, name, bytes, (nuint)buffer.Length), "readlink")));
        }
    }

    private static List<(string Name, string Value)> Xattrs(byte[] path)
    {
        List<(string, string)> found = [];
        byte[] names = new byte[65536];
        byte[] value = new byte[65536];
        fixed (byte* file = path, list = names, bytes = value)
        {
            int length = (int)Math.Max(0, Kernel.llistxattr(file, list, (nuint)names.Length));
            for (int at = 0; at < length;)
            {
                int end = Array.IndexOf(names, (byte)0, at);
                long size = Kernel.lgetxattr(file, list + at, bytes, (nuint)value.Length);
                found.Add((Escape(names.AsSpan(at, end - at)), size < 0 ? $"errno {-size}" : Convert.ToHexStringLower(value.AsSpan(0, (int)size))));
                at = end + 1;
            }
        }

        found.Sort();
        return found;
    }

    private static string TypeName(uint type) => type switch
    {
        Kernel.S_IFREG => "file",
        Kernel.S_IFDIR => "directory",
        Kernel.S_IFLNK => "link",
        Kernel.S_IFCHR => "char",
        Kernel.S_IFBLK => "block",
        Kernel.S_IFIFO => "fifo",
        _ => "socket",
    };

    private static string Escape(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        foreach (byte value in bytes)
        {
            _ = value is > 0x20 and < 0x7f and not (byte)'\\' ? text.Append((char)value) : text.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
        }

        return text.ToString();
    }
}
