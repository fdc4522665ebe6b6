using Containers.Native;
using Containers.Storage;
using Microsoft.Win32.SafeHandles;

namespace Containers.Images.Registry;

/// <summary>
/// What has come of a blob, in a file of the store, so that a pull that was ended goes on where it stopped. Nothing in it is
/// believed: whoever goes on reads it first, and the digest is of all bytes.
/// </summary>
/// <remarks>It is locked while it is written (flock(2)), so that the lock goes with its holder, and two pulls never write one file.</remarks>
internal sealed class PartialBlob : IDisposable
{
    /// <summary>What is smaller comes again as fast as it is found.</summary>
    private const long Smallest = 64 << 10;

    /// <summary>After so long nobody wants it any more.</summary>
    public static readonly TimeSpan MaximumAge = TimeSpan.FromDays(3);

    private readonly string _path;
    private SafeFileHandle? _file;

    private PartialBlob(string path, SafeFileHandle file)
    {
        _path = path;
        _file = file;
        Length = RandomAccess.GetLength(file);
    }

    /// <summary>Bytes that are there.</summary>
    public long Length { get; private set; }

    /// <summary>Opens or makes the file for a blob.</summary>
    /// <returns>Null for a small one, and when another pull has it.</returns>
    public static PartialBlob? TryOpen(StoreLayout layout, string digest, long size)
    {
        if (size < Smallest)
        {
            return null;
        }

        string path = $"{layout.Partials}/{Digest.Hex(digest)}";
        if (TryLock(path, FileMode.OpenOrCreate) is not { } file)
        {
            return null;
        }

        PartialBlob partial = new(path, file);
        if (partial.Length > size)
        {
            partial.Truncate(); // is no beginning of it
        }

        return partial;
    }

    /// <summary>Removes those that nobody writes.</summary>
    /// <param name="layout">The store.</param>
    /// <param name="age">And that nobody has written for so long.</param>
    /// <returns>Bytes that were freed.</returns>
    public static long Sweep(StoreLayout layout, TimeSpan age)
    {
        long freed = 0;
        if (Directory.Exists(layout.Partials))
        {
            foreach (FileInfo info in new DirectoryInfo(layout.Partials).EnumerateFiles().Where(info => DateTime.UtcNow - info.LastWriteTimeUtc >= age))
            {
                using SafeFileHandle? file = TryLock(info.FullName, FileMode.Open);
                if (file is not null)
                {
                    freed += RandomAccess.GetLength(file);
                    StoreFiles.Unlink(info.FullName);
                }
            }
        }

        return freed;
    }

    /// <summary>Removes what is there of a blob, unless somebody writes it.</summary>
    public static void Remove(StoreLayout layout, string digest)
    {
        string path = $"{layout.Partials}/{Digest.Hex(digest)}";
        if (File.Exists(path))
        {
            using SafeFileHandle? file = TryLock(path, FileMode.Open);
            if (file is not null)
            {
                StoreFiles.Unlink(path);
            }
        }
    }

    public int Read(Span<byte> buffer, long offset) => _file is null ? 0 : RandomAccess.Read(_file, buffer, offset);

    /// <summary>Adds what came. A disk that has no room for it has none for the layer either, which is told there: here it only ends the keeping.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_file is null)
        {
            return;
        }

        try
        {
            RandomAccess.Write(_file, bytes, Length);
            Length += bytes.Length;
        }
        catch (IOException)
        {
            Forget();
        }
    }

    public void Truncate()
    {
        if (_file is not null)
        {
            RandomAccess.SetLength(_file, 0);
        }

        Length = 0;
    }

    /// <summary>Removes the file: the blob is complete, or what came is wrong.</summary>
    public void Forget()
    {
        if (_file is not null)
        {
            StoreFiles.Unlink(_path);
            _file.Dispose();
            _file = null;
            Length = 0;
        }
    }

    public void Dispose()
    {
        if (Length == 0)
        {
            Forget();
        }

        _file?.Dispose();
        _file = null;
    }

    // FileShare.None is an flock of the whole file that does not wait.
    private static SafeFileHandle? TryLock(string path, FileMode mode)
    {
        for (int tries = 0; tries < 10; tries++)
        {
            SafeFileHandle file;
            try
            {
                file = File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                return null; // somebody has it, or it is gone
            }

            // Its last holder may have removed it between open and lock: then this locks a file that nobody sees.
            if (StoreFiles.TryStat(path, out Kernel.statx_t there) && StoreFiles.TryStat($"/proc/self/fd/{file.DangerousGetHandle()}", out Kernel.statx_t ours) && there.stx_ino == ours.stx_ino)
            {
                return file;
            }

            file.Dispose();
        }

        return null;
    }
}
