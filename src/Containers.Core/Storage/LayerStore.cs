using Containers.Layers;
using Containers.Layers.Recipes;
using Containers.Native;

namespace Containers.Storage;

/// <summary>A layer that is there.</summary>
/// <param name="Key">Its name in the store.</param>
/// <param name="Directory">Its tree: an overlay's lower directory.</param>
/// <param name="Record">What is known about it.</param>
internal sealed record StoredLayer(string Key, string Directory, LayerRecord Record);

/// <summary>Unpacked layers by their digests. A layer is there completely or not at all.</summary>
internal sealed class LayerStore(StoreLayout layout, bool squashes = false)
{
    /// <summary>Whether its layers have owners squashed.</summary>
    public bool Squashes => squashes;

    /// <summary>What is behind the names of such layers.</summary>
    public string Suffix => squashes ? "-squashed" : "";

    /// <summary>The tree of a layer.</summary>
    public string DirectoryOf(string key) => PlaceOf(key) + "/root";

    /// <summary>Whether a layer is there.</summary>
    public bool Has(string key) => StoreFiles.HasDirectory(DirectoryOf(key));

    /// <summary>A layer that is there; null when it is not.</summary>
    public StoredLayer? TryFind(string key)
        => Has(key) && StoreRecords.TryLoad(PlaceOf(key) + "/layer.json", StoreJson.Default.LayerRecord) is { } record
            ? new StoredLayer(key, DirectoryOf(key), record)
            : null;

    /// <summary>The directory of a layer and of what is known about it; while it is locked, the layer stays.</summary>
    public string PlaceOf(string key) => $"{layout.Layers}/{key}{Suffix}";

    /// <summary>Finds a layer, or unpacks it. Of several at once, in any process, one unpacks and the others wait for it.</summary>
    /// <param name="key">Its name in the store.</param>
    /// <param name="unpack">Unpacks into an empty directory; verifies what it finds, and throws when it is not right.</param>
    /// <param name="leases">Get hold of it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public StoredLayer Ensure(string key, Func<string, LayerContent> unpack, LayerLeases leases, CancellationToken cancellation)
    {
        while (true)
        {
            StoredLayer layer = Ensure(key, unpack, cancellation);
            if (leases.TryHold(PlaceOf(key)))
            {
                return layer;
            }

            cancellation.ThrowIfCancellationRequested(); // it was removed in this moment
        }
    }

    private StoredLayer Ensure(string key, Func<string, LayerContent> unpack, CancellationToken cancellation)
    {
        if (TryFind(key) is { } found)
        {
            return found;
        }

        using WorkArea work = WorkArea.Begin(layout, key + Suffix, cancellation);
        if (TryFind(key) is { } meanwhile)
        {
            return meanwhile;
        }

        return Commit(work, key, unpack(MakeRoot(work)));
    }

    /// <summary>The tar that a layer was unpacked from, byte for byte; its end is told only when it is that. The layer stays while it is open.</summary>
    /// <exception cref="LayerException">It was unpacked by an earlier version, which did not write down how to, or it is damaged.</exception>
    /// <exception cref="ImageException">It is not there.</exception>
    public Stream OpenTar(string key)
    {
        StoreLease? lease = StoreLease.TryShare(PlaceOf(key));
        try
        {
            return lease is not null && TryFind(key) is { } layer
                ? new LayerTar(PlaceOf(key), layer.Record.DiffId, layer.Record.Size, lease)
                : throw new ImageException($"The layer {key} is not in the store {layout.Root}.", "Pull or load the image again.");
        }
        catch
        {
            lease?.Dispose();
            throw;
        }
    }

    /// <summary>The empty directory that becomes a layer's tree. What the archive says about its root entry replaces the mode.</summary>
    public static string MakeRoot(WorkArea work)
    {
        string root = work.Path + "/root";
        StoreFiles.MakeDirectory(root, 0x1ED /* 0755 */);
        return root;
    }

    /// <summary>Makes an unpacked layer visible under its key, once it is on the disk.</summary>
    public StoredLayer Commit(WorkArea work, string key, LayerContent content)
    {
        LayerRecord record = new(content.DiffId, content.ArchiveLength, content.Whiteouts, content.ImplicitDirectories, content.MissingDevices.Count > 0 ? content.MissingDevices : null);
        StoreFiles.Write(work.Path + "/layer.json", System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(record, StoreJson.Default.LayerRecord));
        StoreFiles.Synchronize(work.Path);
        string place = PlaceOf(key);
        if (!StoreFiles.Rename(work.Path, place, Kernel.RENAME_NOREPLACE) && TryFind(key) is null)
        {
            // Something is there that is no layer, from a store that was tampered with: it goes the way of leftovers.
            StoreFiles.RemoveTree(place);
            StoreFiles.Rename(work.Path, place, Kernel.RENAME_NOREPLACE);
        }

        StoreFiles.SynchronizeDirectory(layout.Layers);
        return new StoredLayer(key, DirectoryOf(key), record);
    }
}
