using System.Text;
using Containers.Native;
using Containers.UserNamespaces;
using Microsoft.Win32.SafeHandles;

namespace Containers.Storage;

/// <summary>Files and directories of the store by their paths, which are ours and trusted. Failures keep the kernel's error number.</summary>
internal static unsafe class StoreFiles
{
    /// <summary>What is at a path, links followed; false when nothing is.</summary>
    /// <exception cref="KernelException">It cannot be known.</exception>
    public static bool TryStat(string path, out Kernel.statx_t stat)
    {
        fixed (byte* bytes = CString.Bytes(path))
        fixed (Kernel.statx_t* result = &stat)
        {
            int error = Kernel.statx(Kernel.AT_FDCWD, bytes, 0, Kernel.STATX_BASIC_STATS, result);
            if ((Errno)(-error) is Errno.ENOENT or Errno.ENOTDIR)
            {
                return false;
            }

            Kernel.Check(error, "stat", path);
            return true;
        }
    }

    public static Kernel.statx_t Stat(PathHandle handle)
    {
        Kernel.statx_t stat;
        byte empty = 0;
        Kernel.Check(Kernel.statx(handle.Descriptor, &empty, Kernel.AT_EMPTY_PATH, Kernel.STATX_BASIC_STATS, &stat), "stat");
        return stat;
    }

    public static bool HasDirectory(string path) => TryStat(path, out Kernel.statx_t stat) && stat.Type == Kernel.S_IFDIR;

    /// <summary>Makes a directory with exactly this mode, whatever the umask; one that is there is left as it is.</summary>
    public static void MakeDirectory(string path, uint mode)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            int error = Kernel.mkdirat(Kernel.AT_FDCWD, bytes, mode);
            if (error == -(int)Errno.EEXIST)
            {
                return;
            }

            Kernel.Check(error, "mkdir", path);
            Kernel.Check(Kernel.fchmodat(Kernel.AT_FDCWD, bytes, mode), "chmod", path);
        }
    }

    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        using PathHandle file = PathHandle.Open(path, Kernel.O_WRONLY | Kernel.O_CREAT | Kernel.O_EXCL, 0x180 /* 0600 */);
        Write(file.Descriptor, content, path);
    }

    /// <summary>Writes to an open file; unlike a FileStream it tells the kernel's error number.</summary>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> content, string path)
    {
        bool added = false;
        try
        {
            file.DangerousAddRef(ref added);
            Write((int)file.DangerousGetHandle(), content, path);
        }
        finally
        {
            if (added)
            {
                file.DangerousRelease();
            }
        }
    }

    public static void Write(int file, ReadOnlySpan<byte> content, string path)
    {
        fixed (byte* bytes = content)
        {
            for (int done = 0; done < content.Length;)
            {
                done += (int)Kernel.Check(Kernel.write(file, bytes + done, (nuint)(content.Length - done)), "write", path);
            }
        }
    }

    /// <summary>The content of a small file of the store; null when there is none.</summary>
    /// <remarks>.NET's own files are locked as long as they are open (flock(2)), in whichever way they are shared: who looks would be in the way of who has a <see cref="StoreLease"/>, and the other way round.</remarks>
    public static byte[]? TryRead(string path)
    {
        int opened;
        fixed (byte* bytes = CString.Bytes(path))
        {
            opened = Kernel.openat(Kernel.AT_FDCWD, bytes, Kernel.O_RDONLY);
        }

        if ((Errno)(-opened) is Errno.ENOENT or Errno.ENOTDIR)
        {
            return null;
        }

        using PathHandle file = new((int)Kernel.Check(opened, "open", path));
        byte[] content = new byte[(int)Stat(file).stx_size]; // is renamed to its place, and never written to there
        int length = 0;
        fixed (byte* bytes = content)
        {
            for (long count; length < content.Length && (count = Kernel.Check(Kernel.read(file.Descriptor, bytes + length, (nuint)(content.Length - length)), "read", path)) > 0;)
            {
                length += (int)count;
            }
        }

        return length == content.Length ? content : content[..length];
    }

    /// <summary>Renames; what is at the new path is replaced, or with RENAME_NOREPLACE kept.</summary>
    /// <returns>False when it was kept.</returns>
    public static bool Rename(string from, string to, uint flags = 0)
    {
        fixed (byte* old = CString.Bytes(from), @new = CString.Bytes(to))
        {
            int error = Kernel.renameat2(Kernel.AT_FDCWD, old, Kernel.AT_FDCWD, @new, flags);
            if (flags == Kernel.RENAME_NOREPLACE && (Errno)(-error) is (Errno.EEXIST or Errno.ENOTEMPTY))
            {
                return false;
            }

            Kernel.Check(error, $"rename to \"{to}\"", from);
            return true;
        }
    }

    /// <summary>Writes what the file system of a path still holds in memory, so that a rename never names what is not on the disk. Errors are told since Linux 5.8 (syncfs(2)).</summary>
    public static void Synchronize(string path)
    {
        using PathHandle directory = PathHandle.OpenDirectory(path);
        Kernel.Check(Kernel.syncfs(directory.Descriptor), "syncfs", path);
    }

    /// <summary>
    /// Writes a small file to its place: it is there completely or not at all, and after a power failure too. The content is on the
    /// disk before the rename, and the rename is when this returns (fsync(2), NOTES: a directory's entry needs an fsync of its own).
    /// </summary>
    public static void Publish(StoreLayout layout, string path, ReadOnlySpan<byte> content)
    {
        using WorkArea work = WorkArea.Begin(layout, $"file-{Guid.NewGuid():N}", CancellationToken.None);
        string file = work.Path + "/file";
        using (PathHandle made = PathHandle.Open(file, Kernel.O_WRONLY | Kernel.O_CREAT | Kernel.O_EXCL, 0x180 /* 0600 */))
        {
            Write(made.Descriptor, content, file);
            Kernel.Check(Kernel.fsync(made.Descriptor), "fsync", file);
        }

        Rename(file, path);
        SynchronizeDirectory(System.IO.Path.GetDirectoryName(path)!);
    }

    /// <summary>Has the names in a directory reach the disk.</summary>
    public static void SynchronizeDirectory(string path)
    {
        using PathHandle directory = PathHandle.OpenDirectory(path);
        Kernel.Check(Kernel.fsync(directory.Descriptor), "fsync", path);
    }

    public static void Unlink(string path)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            int error = Kernel.unlinkat(Kernel.AT_FDCWD, bytes, 0);
            if (error != -(int)Errno.ENOENT)
            {
                Kernel.Check(error, "unlink", path);
            }
        }
    }

    /// <summary>Removes a file, or a directory with all that is in it. Links are removed and not followed. Nothing there is fine.</summary>
    public static void RemoveTree(string path)
    {
        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        fixed (byte* bytes = CString.Bytes(path))
        {
            int error = Kernel.unlinkat(Kernel.AT_FDCWD, bytes, 0);
            if (error == -(int)Errno.EISDIR)
            {
                error = Tree.Remove(Kernel.AT_FDCWD, bytes);
            }

            if (error != -(int)Errno.ENOENT)
            {
                Kernel.Check(error, "remove", path);
            }
        }
    }

    /// <summary>A name that is safe as a file's name, made of any text.</summary>
    public static string Hash(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content));

    /// <summary>The same for a text.</summary>
    public static string Hash(string text) => Hash(Encoding.UTF8.GetBytes(text));
}
