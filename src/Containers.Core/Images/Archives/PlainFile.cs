using Containers.Layers;
using Containers.Storage;
using Microsoft.Win32.SafeHandles;

namespace Containers.Images.Archives;

/// <summary>Opens an archive for random access. What is compressed is decompressed into a file of the store that has no name.</summary>
internal static class PlainFile
{
    /// <param name="path">A file: plain, gzip, zstd or xz.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="layout">The store that has room for it.</param>
    /// <param name="cancellation">Ends decompression.</param>
    public static SafeFileHandle Open(string path, string name, StoreLayout layout, CancellationToken cancellation)
    {
        FileStream? file = null;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            FileStream opened = file;
            return UnpackFailure.Explain(() => Decompress(opened, layout, cancellation), name);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"{name}: the file cannot be opened: {exception.Message}", innerException: exception);
        }
        finally
        {
            file?.Dispose();
        }
    }

    private static SafeFileHandle Decompress(FileStream file, StoreLayout layout, CancellationToken cancellation)
    {
        ArchiveSource source = new(file);
        (Stream tar, string? kind) = Decompression.Open(source);
        if (kind is null)
        {
            return File.OpenHandle(file.Name, options: FileOptions.RandomAccess);
        }

        using (tar)
        using (WorkArea work = WorkArea.Begin(layout, $"archive-{Guid.NewGuid():N}", cancellation))
        using (FileStream plain = new(work.Path + "/tar", FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0))
        {
            SafeFileHandle handle = plain.SafeFileHandle; // once: each time it is asked for, the stream seeks to where it believes to be, which is the beginning
            byte[] buffer = new byte[256 << 10];
            long length = 0;
            for (int count; (count = tar.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)) > 0;)
            {
                cancellation.ThrowIfCancellationRequested();
                length += count;
                layout.Limits.Check(length, source.Position, kind);
                StoreFiles.Write(handle, buffer.AsSpan(0, count), plain.Name);
            }

            // The work area goes, and the file with its last descriptor: a crash leaves nothing.
            return File.OpenHandle(plain.Name, share: FileShare.ReadWrite | FileShare.Delete, options: FileOptions.RandomAccess);
        }
    }
}
