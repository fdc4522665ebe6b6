using Containers.Images;

namespace Containers.Storage;

/// <summary>An image's record, as it lies in the store.</summary>
/// <param name="Path">Its file.</param>
/// <param name="ImageId">The digest of its config.</param>
/// <param name="Suffix">What is behind its layers' names (see LayerStore).</param>
/// <param name="Record">What it says.</param>
internal sealed record StoredRecord(string Path, string ImageId, string Suffix, ImageRecord Record)
{
    /// <summary>The names of its layers' directories.</summary>
    public IEnumerable<string> LayerNames() => Record.LowerKeys().Select(key => key + Suffix);
}

/// <summary>What refers to what in a store, read at one moment; it stays true as long as the store's lock is held.</summary>
internal sealed class StoreContents
{
    private StoreContents(IReadOnlyList<NameRecord> names, IReadOnlyList<StoredRecord> records)
    {
        Names = names;
        Records = records;
    }

    public IReadOnlyList<NameRecord> Names { get; }

    public IReadOnlyList<StoredRecord> Records { get; }

    public static StoreContents Read(StoreLayout layout, ImageNames names)
    {
        List<StoredRecord> records = [];
        string[] paths = Directory.Exists(layout.Images) ? Directory.GetFiles(layout.Images, "*.json") : [];
        foreach (string path in paths.Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileNameWithoutExtension(path);
            if (name.Length >= 64 && Digest.IsHex(name.AsSpan(0, 64)) && StoreRecords.TryLoad(path, StoreJson.Default.ImageRecord) is { Layers: not null } record)
            {
                records.Add(new StoredRecord(path, Digest.Prefix + name[..64], name[64..], record));
            }
        }

        return new StoreContents(names.All(), records);
    }

    /// <summary>Files of records and names that could not be read when this was: they are as good as none.</summary>
    public IEnumerable<string> Unreadable(StoreLayout layout, ImageNames names)
    {
        HashSet<string> readable = [.. Records.Select(record => record.Path), .. Names.Select(name => names.PathOf(name.Name))];
        return Directory.GetFiles(layout.Images).Concat(Directory.GetFiles(layout.Names)).Where(path => !readable.Contains(path)).Order(StringComparer.Ordinal);
    }

    /// <summary>Names of the directories of layers that images have, but for some images.</summary>
    public HashSet<string> LayersOf(Func<StoredRecord, bool> which) => [.. Records.Where(which).SelectMany(record => record.LayerNames())];
}
