using Containers.Images;
using Containers.Images.Archives;

namespace Containers.Storage;

// What people do with the images of a store.
internal sealed partial class ImageCatalog
{
    /// <summary>The images that are there completely.</summary>
    public IReadOnlyList<ImageSummary> List()
    {
        StoreContents contents = StoreContents.Read(layout, Names);
        return [.. contents.Records.Where(record => record.Suffix == layers.Suffix).Select(record => Describe(record, contents)?.Summary).OfType<ImageSummary>()
            .OrderBy(image => image.Names.Count == 0).ThenBy(image => image.Names is [string first, ..] ? first : image.Id, StringComparer.Ordinal)];
    }

    /// <summary>All about one image; null when it is not there.</summary>
    public ImageDetails? Inspect(string nameOrId)
    {
        if (FindRecord(nameOrId) is not { } found)
        {
            return null;
        }

        StoreContents contents = StoreContents.Read(layout, Names);
        return contents.Records.FirstOrDefault(record => record.ImageId == found.ImageId && record.Suffix == layers.Suffix) is { } stored
            ? Describe(stored, contents, found.Name)
            : null;
    }

    /// <summary>Gives an image another name.</summary>
    /// <returns>The full name; null when the image is not there.</returns>
    public string? Tag(string nameOrId, string fullName)
    {
        if (!Directory.Exists(layout.Names))
        {
            return null;
        }

        using StoreLock held = StoreLock.Take(layout);
        if (FindRecord(nameOrId) is not { } found || ById(found.ImageId) is null)
        {
            return null;
        }

        NameRecord? known = found.Name is null ? null : Names.Find(found.Name);
        if (!Names.Means(fullName, found.ImageId))
        {
            Names.Put(new NameRecord(fullName, found.ImageId, known?.ManifestDigest, known?.ManifestMediaType, DateTimeOffset.UtcNow, known?.Source));
        }

        return fullName;
    }

    /// <summary>Removes a name, and with the last one the image; by its id, all names and the image.</summary>
    /// <returns>Null when there is nothing of that name.</returns>
    /// <exception cref="ImageException">It would remove an image that something uses. Nothing is changed.</exception>
    public ImageRemoval? Remove(string nameOrId)
    {
        if (!Directory.Exists(layout.Names))
        {
            return null;
        }

        using LayerRemoval removal = new(layout);
        ImageRemoval result;
        using (StoreLock.Take(layout))
        {
            if (FindRecord(nameOrId) is not { } found)
            {
                return null;
            }

            StoreContents contents = StoreContents.Read(layout, Names);
            StoredRecord[] records = [.. contents.Records.Where(record => record.ImageId == found.ImageId)];
            string[] names = [.. contents.Names.Where(name => name.ImageId == found.ImageId).Select(name => name.Name)];
            string[] removed = found.Name is null ? names : [found.Name];
            bool isLast = removed.Length == names.Length;
            if (names.Length == 0 && records.Length == 0)
            {
                return null;
            }

            if (isLast)
            {
                RemoveRecords(records, nameOrId, contents, removal);
            }

            foreach (string name in removed)
            {
                Names.Remove(name);
            }

            StoreFiles.SynchronizeDirectory(layout.Names);
            result = new ImageRemoval(found.ImageId, removed, isLast, 0);
        }

        removal.Dispose();
        return result with { FreedBytes = removal.Bytes };
    }

    // The record first: without it the image is not there, whatever a crash leaves of the rest for Prune.
    private void RemoveRecords(StoredRecord[] records, string asked, StoreContents contents, LayerRemoval removal)
    {
        List<StoreLease> leases = [];
        try
        {
            foreach (StoredRecord record in records)
            {
                leases.Add(StoreLease.TryTake(record.Path)
                    ?? throw new ImageException($"The image \"{asked}\" is in use: a container runs from it, or it is just being saved.", "It can be removed when its containers have been disposed. While it has another name, its names can be removed all the same."));
            }

            HashSet<string> others = contents.LayersOf(record => !records.Contains(record));
            foreach (StoredRecord record in records)
            {
                StoreFiles.Unlink(record.Path);
                foreach (string layer in record.LayerNames().Where(layer => !others.Contains(layer)))
                {
                    removal.TryTake(layer); // what a load counts on stays, and is its own or for Prune
                }
            }

            HashSet<string> documents = [.. contents.Names.Where(name => name.ImageId != records.FirstOrDefault()?.ImageId).Select(name => name.ManifestDigest).OfType<string>()];
            foreach (string? document in contents.Names.Where(name => records.Any(record => record.ImageId == name.ImageId)).Select(name => name.ManifestDigest).Concat(records.Select(record => record.ImageId)))
            {
                if (document is not null && !documents.Contains(document))
                {
                    StoreFiles.Unlink(Blobs.PathOf(document));
                }
            }

            StoreFiles.SynchronizeDirectory(layout.Images);
        }
        finally
        {
            leases.ForEach(lease => lease.Dispose());
        }
    }

    private ImageDetails? Describe(StoredRecord stored, StoreContents contents, string? asked = null)
    {
        if (!stored.Record.LowerKeys().All(layers.Has) || Blobs.TryRead(stored.ImageId) is not { } json)
        {
            return null;
        }

        Config config = Config.Describe(json, $"the image {stored.ImageId} of the store {layout.Root}", stored.Record.Layers.Count);
        NameRecord[] names = [.. contents.Names.Where(name => name.ImageId == stored.ImageId)];
        NameRecord? pulled = names.FirstOrDefault(name => name.Name == asked) ?? names.FirstOrDefault(name => name.ManifestDigest is not null);
        byte[]? manifest = pulled?.ManifestDigest is { } digest ? Blobs.TryRead(digest) : null;
        return new ImageDetails
        {
            Summary = new ImageSummary(stored.ImageId, [.. names.Select(name => name.Name)], config.Platform, config.Created,
                names.Length > 0 ? names.Min(name => name.Stored) : new DateTimeOffset(File.GetLastWriteTimeUtc(stored.Path), TimeSpan.Zero),
                stored.Record.Layers.Count, stored.Record.Layers.Sum(layer => layer.Size)),
            Config = config.Run,
            Layers = [.. stored.Record.Layers.Select((layer, i) => new ImageLayer(config.DiffIds[i], layer.Size, config.CreatedBy[i]))],
            History = config.History,
            Author = config.Author,
            ManifestDigest = pulled?.ManifestDigest,
            ManifestMediaType = pulled?.ManifestMediaType,
            ConfigJson = json,
            ManifestJson = manifest ?? [],
        };
    }
}
