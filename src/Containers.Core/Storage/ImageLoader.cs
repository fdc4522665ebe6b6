using System.Collections.Concurrent;
using Containers.Images;
using Containers.Images.Archives;
using Containers.Layers;
using Containers.Native;

namespace Containers.Storage;

/// <summary>The way from a reference to an image. One per store's directory and process: it remembers the images it made.</summary>
/// <param name="layout">Where things are.</param>
/// <param name="squash">Whether owners that this user cannot give are its own: such layers are others, with names of their own.</param>
internal sealed class ImageLoader(StoreLayout layout, bool squash = false)
{
    /// <summary>More than a process uses; reached, everything is forgotten and found again on the disk.</summary>
    private const int MaximumRemembered = 1024;

    private readonly LayerStore _layers = new(layout, squash);
    private readonly ImageAssembler _assembler = new(layout, new LayerStore(layout, squash));
    private readonly ConcurrentDictionary<string, (FileIdentity Identity, Image Image, IReadOnlyList<string> Names)> _remembered = new();

    /// <summary>The images that are in the store.</summary>
    public ImageCatalog Catalog { get; } = new(layout, new LayerStore(layout, squash));

    public Image Load(string reference, CancellationToken cancellation)
    {
        ImageReference parsed = ImageReference.Parse(reference);
        if (!StoreFiles.TryStat(parsed.Path, out Kernel.statx_t stat))
        {
            throw new ImageException($"Image \"{reference}\": there is nothing at {parsed.Path}.");
        }

        if (stat.Type == Kernel.S_IFDIR)
        {
            return FromDirectory(parsed, stat);
        }

        if (stat.Type != Kernel.S_IFREG)
        {
            throw new ImageException($"Image \"{reference}\": {parsed.Path} is neither a file nor a directory.");
        }

        FileIdentity identity = FileIdentity.Of(parsed.Path, stat);
        if (_remembered.TryGetValue(reference, out (FileIdentity Identity, Image Image, IReadOnlyList<string> Names) known)
            && known.Identity == identity && known.Image.LowerDirectories.All(StoreFiles.HasDirectory) && known.Names.All(name => Catalog.Names.Means(name, known.Image.Id)))
        {
            return known.Image;
        }

        (Image image, IReadOnlyList<string> names) = FromFile(parsed, identity, cancellation);
        if (StoreFiles.TryStat(parsed.Path, out stat) && FileIdentity.Of(parsed.Path, stat) == identity && identity.IsSettled)
        {
            if (_remembered.Count >= MaximumRemembered)
            {
                _remembered.Clear();
            }

            _remembered[reference] = (identity, image, names);
        }

        return image;
    }

    private static Image FromDirectory(ImageReference reference, in Kernel.statx_t stat)
    {
        if (reference.Transport == ImageTransport.DockerArchive)
        {
            throw new ImageException($"docker-archive:{reference.Path}: this is a directory.", $"A root file system is named rootfs:{reference.Path}.");
        }

        // There is no content to take a digest of: a directory is what it is at each moment. Its place stands for it.
        string id = Digest.Of(System.Text.Encoding.UTF8.GetBytes($"rootfs {stat.stx_dev_major}:{stat.stx_dev_minor} {stat.stx_ino} {reference.Path}"));
        return new Image(id, $"rootfs:{reference.Path}", [new ImageLayer(id, 0, null)], ImageConfig.Empty, [reference.Path]);
    }

    private (Image Image, IReadOnlyList<string> Names) FromFile(ImageReference reference, FileIdentity identity, CancellationToken cancellation)
    {
        layout.Open();
        SourceRecord? record = StoreRecords.TryLoad(RecordPath(identity), StoreJson.Default.SourceRecord);
        if (record is null || record.Identity != identity)
        {
            record = new SourceRecord(identity, null, null, null);
        }

        switch (reference.Transport)
        {
            case ImageTransport.DockerArchive:
                return FromDockerArchive(reference, record, opened: null, cancellation);
            case ImageTransport.Rootfs:
                return FromRootfs(reference, record, opened: null, cancellation);
        }

        if (record.Manifest is not null)
        {
            return FromDockerArchive(reference, record, opened: null, cancellation);
        }

        if (record.RootfsKey is { } key && _layers.Has(key))
        {
            return FromRootfs(reference, record, opened: null, cancellation);
        }

        using TarFile tar = TarFile.Open(reference.Path, reference.Path, layout, cancellation);
        // An archive that has an OCI layout's mark and no manifest goes the same way, to be told what it is.
        return tar.Has(Manifest.FileName) || tar.Has("oci-layout")
            ? FromDockerArchive(reference, record, tar, cancellation)
            : FromRootfs(reference, record, tar, cancellation);
    }

    private (Image Image, IReadOnlyList<string> Names) FromDockerArchive(ImageReference reference, SourceRecord record, TarFile? opened, CancellationToken cancellation)
    {
        DockerArchive? archive = opened is null ? null : new DockerArchive(opened, reference.Path);
        Lock opening = new();
        try
        {
            IReadOnlyList<ManifestEntry> manifest = record.Manifest ?? Archive().ReadManifest();
            ManifestEntry entry = Manifest.Choose(manifest, reference.Tag, reference.Path);
            byte[]? knownJson = record.Configs?.GetValueOrDefault(entry.Config!);
            byte[] json = knownJson ?? Archive().ReadConfig(entry);

            string name = reference.Tag ?? Manifest.Tags(entry).FirstOrDefault() ?? $"docker-archive:{reference.Path}";
            string where = $"docker-archive:{reference.Path}";
            Config config = Config.Parse(json, where, entry.Layers!.Count);
            IReadOnlyList<string> names = [.. Manifest.Tags(entry).Where(ImageName.IsName).Select(ImageName.Normalize).Distinct()];
            Image image = Publish(config, json, name, names, where, i => Archive().OpenLayer(entry, i), cancellation);
            if (knownJson is null)
            {
                Dictionary<string, byte[]> configs = new(record.Configs ?? new Dictionary<string, byte[]>()) { [entry.Config!] = json };
                Remember(record with { Manifest = manifest, Configs = configs });
            }

            return (image, names);
        }
        finally
        {
            archive?.Dispose();
        }

        DockerArchive Archive()
        {
            lock (opening)
            {
                return archive ??= DockerArchive.Open(reference.Path, layout, cancellation);
            }
        }
    }

    /// <summary>Finds or unpacks the layers, and enters the image in the catalogue.</summary>
    private Image Publish(Config config, byte[] json, string name, IReadOnlyList<string> names, string where, Func<int, Stream> open, CancellationToken cancellation)
    {
        while (true)
        {
            ImageRecord? known = _assembler.TryFind(config.Id);
            using AssembledImage? assembled = known is null ? _assembler.Assemble(config, where, open, cancellation) : null;
            if (Catalog.TryPublish(new Publication(config, json, known ?? assembled!.Record) { ShownName = name, Names = names, Source = where }) is { } image)
            {
                return image;
            }
        }
    }

    private (Image Image, IReadOnlyList<string> Names) FromRootfs(ImageReference reference, SourceRecord record, TarFile? opened, CancellationToken cancellation)
    {
        StoredLayer layer = (record.RootfsKey is { } key ? _layers.TryFind(key) : null) ?? UnpackRootfs(reference, record, opened, cancellation);
        return (new Image(
            layer.Record.DiffId,
            $"rootfs:{reference.Path}",
            [new ImageLayer(layer.Record.DiffId, layer.Record.Size, null)],
            ImageConfig.Empty,
            [layer.Directory],
            store: _layers), []);
    }

    private StoredLayer UnpackRootfs(ImageReference reference, SourceRecord record, TarFile? opened, CancellationToken cancellation)
    {
        // Its digest is known only when it was read, so the lock is for the file. The one who waited finds the record.
        using WorkArea work = WorkArea.Begin(layout, $"rootfs-{record.Identity.PathHash}", cancellation);
        if (StoreRecords.TryLoad(RecordPath(record.Identity), StoreJson.Default.SourceRecord) is { RootfsKey: { } meanwhile } other
            && other.Identity == record.Identity && _layers.TryFind(meanwhile) is { } found)
        {
            return found;
        }

        LayerContent content = UnpackFailure.Explain(() =>
        {
            using Stream archive = opened?.OpenWhole() ?? File.OpenRead(reference.Path);
            return LayerUnpacker.Unpack(archive, LayerStore.MakeRoot(work), new LayerUnpackOptions { ConvertWhiteouts = false, SquashOwners = squash, Limits = layout.Limits }, cancellation);
        }, $"rootfs:{reference.Path}");
        if (content.Entries == 0)
        {
            throw new ImageException($"rootfs:{reference.Path}: the file is no tar, or one without entries.");
        }

        // A layer of the same digest differs: in it .wh. names are whiteouts.
        StoredLayer layer = _layers.Commit(work, $"{Digest.Hex(content.DiffId)}-rootfs", content);
        Remember(record with { RootfsKey = layer.Key });
        return layer;
    }

    private void Remember(SourceRecord record)
    {
        if (StoreFiles.TryStat(record.Identity.Path, out Kernel.statx_t stat) && FileIdentity.Of(record.Identity.Path, stat) == record.Identity && record.Identity.IsSettled)
        {
            try
            {
                StoreRecords.Save(layout, RecordPath(record.Identity), record, StoreJson.Default.SourceRecord);
            }
            catch (KernelException e) when (e.Errno == Errno.EROFS)
            {
                // It would only spare the next load some reading, and all that this one needs is in the store.
            }
        }
    }

    private string RecordPath(FileIdentity identity) => $"{layout.Sources}/{identity.PathHash}.json";
}
