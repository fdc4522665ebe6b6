using Containers.Images.Archives;
using Containers.Images.Manifests;
using Containers.Native;
using Containers.Storage;

namespace Containers.Images.Sources;

/// <summary>The files that a layout is made of: below a directory, or in a tar.</summary>
internal abstract class LayoutFiles : IDisposable
{
    /// <summary>Opens a file; null when there is none.</summary>
    public abstract Stream? TryOpen(string name);

    public abstract void Dispose();

    /// <summary>Reads a small file whole.</summary>
    /// <exception cref="ImageException">It is not there, or too large.</exception>
    public byte[] Read(string name, string where, string hint)
    {
        using Stream stream = TryOpen(name) ?? throw new ImageException($"{where}: there is no {name}.", hint);
        if (stream.Length > ManifestDocument.MaximumLength)
        {
            throw new ImageException($"{where}: {name} has {stream.Length} bytes; {ManifestDocument.MaximumLength} are the most that make sense.");
        }

        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}

/// <summary>A layout's files in a directory.</summary>
internal sealed class DirectoryFiles(string directory) : LayoutFiles
{
    public override void Dispose()
    {
        // nothing is held open
    }

    public override Stream? TryOpen(string name)
    {
        string path = $"{directory}/{name}";
        // Only a file: opening a FIFO would wait for somebody to write.
        if (!StoreFiles.TryStat(path, out Kernel.statx_t stat) || stat.Type != Kernel.S_IFREG)
        {
            return null;
        }

        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"{path}: the file cannot be opened: {exception.Message}", innerException: exception);
        }
    }
}

/// <summary>A layout's files in a tar.</summary>
internal sealed class TarFiles(TarFile tar) : LayoutFiles
{
    public override Stream? TryOpen(string name) => tar.Has(name) ? tar.Open(name, "the file") : null;

    public override void Dispose() => tar.Dispose();
}
