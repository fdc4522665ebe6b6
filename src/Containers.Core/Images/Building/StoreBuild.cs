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
        using LayerLeases? leases = below is null ? null : LayerLeases.TryHold(below) ?? throw ImageCatalog.Gone(below);
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

        (ImageRecord Record, byte[] Config)? based = below?.Catalog!.Require(below);
        int lowest = based?.Record.Layers.Count ?? 0;
        byte[] json = based is null
            ? BuiltDocuments.Config(config, made.Select(layer => layer.Digest), time)
            : CommittedConfig.Make(based.Value.Config, below!.Config, config, [.. made.Select(layer => layer.Digest)], BuiltDocuments.CreatedBy, new CommitOptions { Created = time });
        string where = name ?? "an image that is built";
        Config parsed = Config.Parse(json, where, lowest + made.Count);
        return catalog.Make(parsed, where,
            i => i < lowest ? below!.Catalog!.Layers.OpenTar(based!.Value.Record.Layers[i].Key) : File.OpenRead(made[i - lowest].Path),
            record => new Publication(parsed, json, record) { ShownName = name ?? parsed.Id, Names = name is null ? [] : [name] }, cancellation);
    }
}
