using Containers.Changes;
using Containers.Images.Archives;
using Containers.Layers.Recipes;
using Containers.Storage;

namespace Containers.Images.Building;

/// <summary>Puts an image that is built into a store.</summary>
internal static class StoreBuild
{
    /// <param name="catalog">The store's.</param>
    /// <param name="name">Its full name; null for none.</param>
    /// <param name="below">The image that it is built on; null for none.</param>
    /// <param name="layers">The layers above that.</param>
    /// <param name="config">What it says about how it is run.</param>
    /// <param name="time">The time of everything in it.</param>
    /// <param name="cancellation">Ends it.</param>
    public static Image Run(ImageCatalog catalog, string? name, Image? below, IReadOnlyList<SortedDictionary<string, TreeEntry>> layers, ImageConfig config, DateTimeOffset time, CancellationToken cancellation)
    {
        catalog.Layout.Open();
        using LayerLeases? leases = below is null ? null : LayerLeases.TryHold(below) ?? throw Gone(below);
        using WorkArea work = WorkArea.Begin(catalog.Layout, $"build-{Guid.NewGuid():N}", cancellation);
        List<(string Digest, string Path)> made = [];
        foreach (SortedDictionary<string, TreeEntry> layer in layers.Where(layer => below is null || layer.Count > 0))
        {
            cancellation.ThrowIfCancellationRequested();
            string path = $"{work.Path}/{made.Count}";
            using FileWriter file = new(path);
            using Saving.HashedOutput hashed = new(file);
            using BufferedStream buffered = new(hashed, 128 << 10);
            ArchiveWriter.WriteLayer(buffered, layer, time);
            buffered.Flush();
            made.Add((hashed.Digest(), path));
        }

        ImageRecord? record = below is null ? null : StoreRecords.TryLoad(below.Catalog!.RecordPath(below.Id), StoreJson.Default.ImageRecord) ?? throw Gone(below);
        int lowest = record?.Layers.Count ?? 0;
        byte[] json = below is null
            ? BuiltDocuments.Config(config, made.Select(layer => layer.Digest), time)
            : CommittedConfig.Make(below.Catalog!.Blobs.TryRead(below.Id) ?? throw Gone(below), below.Config, config, [.. made.Select(layer => layer.Digest)], BuiltDocuments.CreatedBy, new CommitOptions { Created = time });
        string where = name ?? "an image that is built";
        Config parsed = Config.Parse(json, where, lowest + made.Count);
        ImageAssembler assembler = new(catalog.Layout, catalog.Layers);
        while (true)
        {
            using AssembledImage assembled = assembler.Assemble(parsed, where, (i, _) => i < lowest ? below!.Catalog!.Layers.OpenTar(record!.Layers[i].Key) : File.OpenRead(made[i - lowest].Path), cancellation);
            Publication publication = new(parsed, json, assembled.Record) { ShownName = name ?? parsed.Id, Names = name is null ? [] : [name] };
            if (catalog.TryPublish(publication) is { } image)
            {
                return image;
            }
        }
    }

    private static ImageException Gone(Image image) => new($"The image \"{image.Name}\" is not in its store any more: it was removed since it was loaded.", "Load it again.");
}
