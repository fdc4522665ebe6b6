namespace Containers.Storage;

/// <summary>Counts what is in a store.</summary>
internal static class StoreMeasurement
{
    public static StoreUsage Run(ImageCatalog catalog, CancellationToken cancellation)
    {
        StoreLayout layout = catalog.Layout;
        StoreContents contents = StoreContents.Read(layout, catalog.Names);
        Dictionary<string, long> layers = [];
        string[] present = Directory.Exists(layout.Layers) ? Directory.GetDirectories(layout.Layers) : [];
        foreach (string path in present)
        {
            cancellation.ThrowIfCancellationRequested();
            layers[Path.GetFileName(path)] = TreeSize.Of(path).Bytes;
        }

        Dictionary<string, int> users = [];
        foreach (string layer in contents.Records.SelectMany(record => record.LayerNames().Distinct()))
        {
            users[layer] = users.GetValueOrDefault(layer) + 1;
        }

        ILookup<string, string> names = contents.Names.ToLookup(name => name.ImageId, name => name.Name);
        HashSet<string> wanted = contents.LayersOf(record => names.Contains(record.ImageId));
        List<ImageUsage> images = [];
        foreach (StoredRecord record in contents.Records.Where(record => record.Suffix == catalog.Layers.Suffix))
        {
            string[] own = [.. record.LayerNames().Distinct()];
            images.Add(new ImageUsage(record.ImageId, [.. names[record.ImageId]], own.Sum(layers.GetValueOrDefault), own.Where(layer => users[layer] > 1).Sum(layers.GetValueOrDefault), IsInUse(record.Path)));
        }

        long reclaimable = layers.Where(layer => !wanted.Contains(layer.Key) && !IsInUse($"{layout.Layers}/{layer.Key}")).Sum(layer => layer.Value);
        long running = TreeSize.Of(layout.Root + "/running").Bytes, unfinished = TreeSize.Of(layout.Work).Bytes, all = layers.Values.Sum();
        long rest = ((string[])[layout.Images, layout.Blobs, layout.Names, layout.Sources]).Sum(path => TreeSize.Of(path).Bytes);
        return new StoreUsage(all + running + unfinished + rest, all, running, unfinished, reclaimable,
            [.. images.OrderBy(image => image.Names.Count == 0).ThenBy(image => image.Names is [string first, ..] ? first : image.Id, StringComparer.Ordinal)]);
    }

    private static bool IsInUse(string path)
    {
        using StoreLease? lease = StoreLease.TryTake(path);
        return lease is null && StoreFiles.TryStat(path, out _);
    }
}
