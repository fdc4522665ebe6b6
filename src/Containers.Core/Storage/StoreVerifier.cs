using Containers.Images;
using Containers.Layers.Recipes;
using Containers.Native;

namespace Containers.Storage;

/// <summary>Looks at everything in a store, and removes what is not right where that is wanted.</summary>
internal sealed class StoreVerifier(ImageCatalog catalog, bool repair)
{
    private readonly StoreLayout _layout = catalog.Layout;
    private readonly List<StoreProblem> _problems = [];

    public StoreVerification Run(CancellationToken cancellation)
    {
        if (!Directory.Exists(_layout.Layers))
        {
            return new StoreVerification(0, 0, []);
        }

        _layout.Open();
        string[] layers = [.. Directory.GetDirectories(_layout.Layers).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];
        foreach (string layer in layers)
        {
            cancellation.ThrowIfCancellationRequested();
            CheckLayer(layer, cancellation);
        }

        int images = CheckDocuments();
        return new StoreVerification(layers.Length, images, _problems);
    }

    private void CheckLayer(string name, CancellationToken cancellation)
    {
        string place = $"{_layout.Layers}/{name}";
        string? wrong;
        using (StoreLease? lease = StoreLease.TryShare(place))
        {
            if (lease is null)
            {
                return; // removed meanwhile
            }

            wrong = WhatIsWrong(name, place, cancellation);
        }

        if (wrong is null)
        {
            return;
        }

        bool removed = false;
        if (repair)
        {
            using LayerRemoval removal = new(_layout);
            using (StoreLock.Take(_layout))
            {
                removed = removal.TryTake(name);
            }
        }

        string inUse = repair && !removed ? " It is in use, and stays as it is." : "";
        _problems.Add(new StoreProblem(place[(_layout.Root.Length + 1)..], wrong + inUse, removed));
    }

    private static string? WhatIsWrong(string name, string place, CancellationToken cancellation)
    {
        try
        {
            if (!StoreFiles.HasDirectory(place + "/root") || StoreRecords.TryLoad(place + "/layer.json", StoreJson.Default.LayerRecord) is not { DiffId: not null, Whiteouts: not null } record)
            {
                return "It is not complete.";
            }

            if (record.DiffId.Length == 0)
            {
                return null; // directories that an image needs on top, made of other layers: it has no tar
            }

            if (!name.StartsWith(Digest.Hex(record.DiffId), StringComparison.Ordinal))
            {
                return $"It says that it is the layer {record.DiffId}.";
            }

            using LayerTar tar = new(place, record.DiffId, record.Size, null);
            bool isRootfs = name.Contains("-rootfs", StringComparison.Ordinal);
            LayerCheck.Check(place + "/root", tar, new LayerTraits(!isRootfs, name.EndsWith("-squashed", StringComparison.Ordinal), record.ImplicitDirectories ?? [], record.Whiteouts, record.MissingDevices ?? []), cancellation);
            return null;
        }
        catch (Exception exception) when (exception is LayerException || (exception is KernelException kernel && kernel.Errno is Errno.EIO or Errno.ENOENT or Errno.EUCLEAN))
        {
            return exception.Message;
        }
    }

    // Documents and records are small: all of them are looked at under the lock.
    private int CheckDocuments()
    {
        using LayerRemoval removal = new(_layout);
        using StoreLock held = StoreLock.Take(_layout);
        foreach (string path in Directory.GetFiles(_layout.Blobs).Order(StringComparer.Ordinal))
        {
            if (Digest.Hex(Digest.Of(File.ReadAllBytes(path))) != Path.GetFileName(path))
            {
                Remove(path, "Its content has not the digest that it is named by.", removal);
            }
        }

        StoreContents contents = StoreContents.Read(_layout, catalog.Names);
        foreach (string path in contents.Unreadable(_layout, catalog.Names))
        {
            Remove(path, "It is a record that cannot be read.", removal);
        }

        HashSet<string> complete = [];
        foreach (StoredRecord record in contents.Records)
        {
            string? missing = record.LayerNames().FirstOrDefault(layer => !StoreFiles.HasDirectory($"{_layout.Layers}/{layer}/root"));
            string? wrong = missing is not null ? $"The image {record.ImageId} has no layer {missing}."
                : catalog.Blobs.TryRead(record.ImageId) is null ? $"The image {record.ImageId} has no config." : null;
            if (wrong is null)
            {
                complete.Add(record.ImageId);
            }
            else
            {
                Remove(record.Path, wrong, removal);
            }
        }

        foreach (NameRecord name in contents.Names.Where(name => !complete.Contains(name.ImageId)))
        {
            Remove(catalog.Names.PathOf(name.Name), $"The name {name.Name} means the image {name.ImageId}, which is not there, or not all of it.", removal);
        }

        return contents.Records.Count;
    }

    private void Remove(string path, string wrong, LayerRemoval removal)
    {
        if (repair)
        {
            removal.Take(path);
        }

        _problems.Add(new StoreProblem(path[(_layout.Root.Length + 1)..], wrong, repair));
    }
}
