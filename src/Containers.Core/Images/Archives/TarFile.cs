using System.Formats.Tar;
using Containers.Storage;
using Microsoft.Win32.SafeHandles;

namespace Containers.Images.Archives;

/// <summary>
/// A tar whose entries are opened by name: what `docker save` writes. Its headers are visited once, seeking from one to the
/// next, so a large archive costs no more than a small one.
/// </summary>
/// <remarks>
/// This outer tar holds nothing but plain files with short names, so the framework's reader does; it is the layers within
/// that need one of our own (binary xattrs, sparse files and the rest).
/// </remarks>
internal sealed class TarFile : IDisposable
{
    /// <summary>Links of links: old docker had chains of one, and a cycle must end.</summary>
    private const int MaximumLinks = 40;

    /// <summary>An image has at most a few hundred layers; more entries than this are meant to fill our memory.</summary>
    private const int MaximumEntries = 100_000;

    private readonly SafeFileHandle _file;
    private readonly string _name;
    private readonly Dictionary<string, Entry> _entries;

    private TarFile(SafeFileHandle file, string name)
    {
        _file = file;
        _name = name;
        Length = RandomAccess.GetLength(file);
        (_entries, Failure) = Index(new ArchiveSection(file, 0, Length), name);
    }

    /// <summary>
    /// Why not all headers could be visited; null when they could. It is no tar, or truncated, or has an entry that an image's
    /// archive does not have but a root file system's may.
    /// </summary>
    public ImageException? Failure { get; }

    /// <summary>The length of the tar in bytes, decompressed.</summary>
    public long Length { get; }

    /// <summary>Opens a tar and visits its headers.</summary>
    /// <param name="path">A file: plain, gzip, zstd or xz.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="layout">Where a compressed one is decompressed to, for as long as it is open.</param>
    /// <param name="cancellation">Ends decompression.</param>
    /// <exception cref="ImageException">It cannot be opened or decompressed.</exception>
    public static TarFile Open(string path, string name, StoreLayout layout, CancellationToken cancellation)
    {
        SafeFileHandle file = PlainFile.Open(path, name, layout, cancellation);
        try
        {
            return new TarFile(file, name);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();

    public bool Has(string entry) => _entries.ContainsKey(entry);

    /// <summary>The whole tar as a stream.</summary>
    public Stream OpenWhole() => new ArchiveSection(_file, 0, Length);

    /// <summary>Opens the content of an entry; links between entries are followed.</summary>
    /// <param name="entry">Its name, as the manifest gives it.</param>
    /// <param name="what">What it is, for messages: "the config", "layer 2".</param>
    /// <exception cref="ImageException">It is not there, or lies outside of the archive.</exception>
    public Stream Open(string entry, string what)
    {
        string? path = Normalize("", entry);
        for (int links = 0; ; links++)
        {
            if (path is null)
            {
                throw new ImageException($"{_name}: {what} \"{entry}\" points outside of the archive.");
            }

            if (!_entries.TryGetValue(path, out Entry found))
            {
                throw new ImageException($"{_name}: {what} \"{entry}\" is not in the archive{(path == entry ? "" : $" (at \"{path}\")")}.");
            }

            if (found.Target is null)
            {
                return found.Length >= 0
                    ? new ArchiveSection(_file, found.Offset, found.Length)
                    : throw new ImageException($"{_name}: {what} \"{entry}\" is no file in the archive.");
            }

            if (links == MaximumLinks)
            {
                throw new ImageException($"{_name}: {what} \"{entry}\" is a link that leads nowhere.");
            }

            // A symbolic link counts from where it stands, a hard link from the archive's root.
            path = Normalize(found.IsSymbolicLink ? path[..(path.LastIndexOf('/') + 1)] : "", found.Target);
        }
    }

    /// <summary>Reads a small entry whole.</summary>
    public byte[] Read(string entry, string what, int maximumSize)
    {
        using Stream stream = Open(entry, what);
        if (stream.Length > maximumSize)
        {
            throw new ImageException($"{_name}: {what} \"{entry}\" has {stream.Length} bytes; {maximumSize} are the most that make sense.");
        }

        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private static (Dictionary<string, Entry> Entries, ImageException? Failure) Index(Stream archive, string name)
    {
        Dictionary<string, Entry> entries = [];
        try
        {
            using TarReader reader = new(archive, leaveOpen: true);
            while (reader.GetNextEntry() is { } entry)
            {
                if (entries.Count == MaximumEntries)
                {
                    break; // a root file system: what an image's archive needs would have been seen
                }

                bool isFile = entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile;
                bool isLink = entry.EntryType is TarEntryType.SymbolicLink or TarEntryType.HardLink;
                if (isFile && entry.Length > 0 && entry.DataOffset + entry.Length > archive.Length)
                {
                    return (entries, new ImageException($"{name}: the archive is truncated: \"{entry.Name}\" goes on to byte {entry.DataOffset + entry.Length}, and the file ends at {archive.Length}."));
                }

                if (Normalize("", entry.Name) is { } path)
                {
                    // Of two with one name the later counts, as when a tar is extracted.
                    entries[path] = new Entry(entry.DataOffset, isFile ? entry.Length : -1, isLink ? entry.LinkName : null, entry.EntryType is TarEntryType.SymbolicLink);
                }
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or FormatException or EndOfStreamException or ArgumentException or OverflowException or NotSupportedException)
        {
            string what = entries.Count == 0 ? "is no tar" : "is damaged or truncated after " + entries.Count + " entries";
            return (entries, new ImageException($"{name}: the file {what}: {exception.Message}", innerException: exception));
        }

        return (entries, entries.Count > 0 ? null : new ImageException($"{name}: the file is no tar, or one without entries."));
    }

    /// <summary>A path from the archive's root without "." and ".."; null when it leads out.</summary>
    private static string? Normalize(string directory, string path)
    {
        if (path.StartsWith('/'))
        {
            return null;
        }

        List<string> parts = [];
        foreach (string part in (directory + path).Split('/'))
        {
            if (part == "..")
            {
                if (parts.Count == 0)
                {
                    return null;
                }

                parts.RemoveAt(parts.Count - 1);
            }
            else if (part is not ("" or "."))
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    /// <param name="Offset">Where its content begins.</param>
    /// <param name="Length">Its content's length; -1 for what is no file.</param>
    /// <param name="Target">Where a link points.</param>
    /// <param name="IsSymbolicLink">How the target is read.</param>
    private readonly record struct Entry(long Offset, long Length, string? Target, bool IsSymbolicLink);
}
