using Containers.Images;
using Containers.Native;

namespace Containers.Storage;

/// <summary>Removes from a store what nothing refers to.</summary>
/// <remarks>
/// What is to go is decided under the store's lock, where no name, record or document can appear; a layer that a load counts on is
/// locked by it until its record is there, and a container's as long as it runs. So nothing that is needed is ever without one of the two.
/// </remarks>
internal sealed class StorePruning(ImageCatalog catalog)
{
    private readonly StoreLayout _layout = catalog.Layout;

    public PruneResult Run(PruneOptions options)
    {
        if (!Directory.Exists(_layout.Layers))
        {
            return new PruneResult([], [], 0, 0);
        }

        long freed = _layout.Open() + Images.Registry.PartialBlob.Sweep(_layout, TimeSpan.Zero); // but for those that a pull is filling
        List<string> names = [], images = [];
        int layers = 0;
        using LayerRemoval removal = new(_layout);
        using (StoreLock.Take(_layout))
        {
            StoreContents contents = StoreContents.Read(_layout, catalog.Names);
            HashSet<string> present = [.. Directory.EnumerateDirectories(_layout.Layers).Select(path => Path.GetFileName(path)!)];
            HashSet<string> named = [.. contents.Names.Select(name => name.ImageId)];
            List<StoredRecord> kept = [];
            foreach (StoredRecord record in contents.Records)
            {
                bool isWanted = !options.All && named.Contains(record.ImageId) && record.LayerNames().All(present.Contains);
                using StoreLease? taken = isWanted ? null : StoreLease.TryTake(record.Path);
                if (taken is null)
                {
                    kept.Add(record);
                }
                else
                {
                    removal.Take(record.Path);
                    images.Add(record.ImageId);
                }
            }

            HashSet<string> ids = [.. kept.Select(record => record.ImageId)];
            foreach (NameRecord name in contents.Names.Where(name => !ids.Contains(name.ImageId)))
            {
                catalog.Names.Remove(name.Name);
                names.Add(name.Name);
            }

            StoreFiles.SynchronizeDirectory(_layout.Names);
            HashSet<string> needed = [.. kept.SelectMany(record => record.LayerNames())];
            layers = present.Count(layer => !needed.Contains(layer) && removal.TryTake(layer));
            RemoveDocuments([.. ids, .. contents.Names.Where(name => ids.Contains(name.ImageId)).Select(name => name.ManifestDigest).OfType<string>()], removal);
            foreach (string path in contents.Unreadable(_layout, catalog.Names))
            {
                removal.Take(path);
            }

            RemoveSources(removal);
        }

        removal.Dispose();
        return new PruneResult(names, [.. images.Distinct()], layers, freed + removal.Bytes);
    }

    private void RemoveDocuments(HashSet<string> needed, LayerRemoval removal)
    {
        foreach (string path in Directory.GetFiles(_layout.Blobs))
        {
            if (!needed.Contains(Digest.Prefix + Path.GetFileName(path)))
            {
                removal.Take(path);
            }
        }
    }

    // What is remembered of files that are not what they were, or not there.
    private void RemoveSources(LayerRemoval removal)
    {
        foreach (string path in Directory.GetFiles(_layout.Sources))
        {
            bool isCurrent = StoreRecords.TryLoad(path, StoreJson.Default.SourceRecord) is { Identity: not null } record
                && StoreFiles.TryStat(record.Identity.Path, out Kernel.statx_t stat) && FileIdentity.Of(record.Identity.Path, stat) == record.Identity
                && (record.RootfsKey is null || StoreFiles.HasDirectory($"{_layout.Layers}/{record.RootfsKey}"));
            if (!isCurrent)
            {
                removal.Take(path);
            }
        }
    }
}
