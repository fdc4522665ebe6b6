using Containers.Images.Building;
using Containers.Native;
using Containers.Storage;

namespace Containers.Images.Saving;

/// <summary>The files of a saved image by their names, and the two ways to write them: into a directory, or into a tar.</summary>
internal sealed class OutputFiles
{
    private const uint FileMode = 0x1A4, DirectoryMode = 0x1ED; // 0644, 0755

    // Documents that tell of the others come last, so that a directory is never told to have what is not there yet.
    private readonly SortedDictionary<string, Func<Stream>> _blobs = new(StringComparer.Ordinal), _documents = new(StringComparer.Ordinal);

    public void AddBlob(string name, Func<Stream> open) => _blobs[name] = open;

    public void AddBlob(string name, byte[] content) => AddBlob(name, () => new MemoryStream(content));

    public void AddDocument(string name, byte[] content) => _documents[name] = () => new MemoryStream(content);

    /// <summary>Writes a tar beside its place and renames it; in it, names are sorted.</summary>
    /// <param name="path">Its place.</param>
    /// <param name="time">The time of all that is in it.</param>
    public void WriteArchive(string path, DateTimeOffset time)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (FileStream archive = new(temporary, new FileStreamOptions { Mode = System.IO.FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 128 << 10 }))
            {
                TarWriter tar = new(archive, time);
                SortedDictionary<string, Func<Stream>> all = new(_blobs, StringComparer.Ordinal);
                foreach ((string name, Func<Stream> open) in _documents)
                {
                    all[name] = open;
                }

                HashSet<string> directories = [];
                foreach ((string name, Func<Stream> open) in all)
                {
                    for (int slash = name.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = name.IndexOf('/', slash + 1))
                    {
                        if (directories.Add(name[..slash]))
                        {
                            tar.Write(name[..slash], TreeEntry.Directory(DirectoryMode));
                        }
                    }

                    using Stream content = open();
                    tar.WriteFile(name, content, FileMode);
                }

                tar.Finish();
                archive.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }
        }
    }

    /// <summary>Writes into a directory: each file beside its place and renamed, blobs that are there already not again, documents last.</summary>
    public void WriteDirectory(string directory)
    {
        Directory.CreateDirectory(directory);
        foreach ((string name, Func<Stream> open) in _blobs.Concat(_documents))
        {
            string path = $"{directory}/{name}";
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using Stream content = open();
            if (_blobs.ContainsKey(name) && IsThere(path, content.Length))
            {
                continue;
            }

            string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
            try
            {
                using (FileStream file = new(temporary, System.IO.FileMode.CreateNew, FileAccess.Write, FileShare.None, 128 << 10))
                {
                    content.CopyTo(file, 128 << 10);
                }

                File.Move(temporary, path, overwrite: true);
            }
            finally
            {
                if (File.Exists(temporary))
                {
                    File.Delete(temporary);
                }
            }
        }
    }

    // Its name is its digest.
    private static bool IsThere(string path, long length)
    {
        if (!StoreFiles.TryStat(path, out Kernel.statx_t there) || there.Type != Kernel.S_IFREG || (long)there.stx_size != length)
        {
            return false;
        }

        using FileStream file = File.OpenRead(path);
        return Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file)) == Path.GetFileName(path);
    }
}
