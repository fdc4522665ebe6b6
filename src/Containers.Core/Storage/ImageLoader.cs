using System.Collections.Concurrent;
using Containers.Images;
using Containers.Images.Archives;
using Containers.Images.Manifests;
using Containers.Images.Sources;
using Containers.Layers;
using Containers.Native;

namespace Containers.Storage;

/// <summary>The way from a reference to an image. One per store's directory and process: it remembers the images it made.</summary>
/// <param name="layout">Where things are.</param>
/// <param name="squash">Whether owners that this user cannot give are its own: such layers are others, with names of their own.</param>
internal sealed partial class ImageLoader(StoreLayout layout, bool squash = false)
{
    /// <summary>More than a process uses; reached, everything is forgotten and found again on the disk.</summary>
    private const int MaximumRemembered = 1024;

    private static readonly PullOptions s_missing = new() { Policy = PullPolicy.Missing };

    private readonly LayerStore _layers = new(layout, squash);
    private readonly ImageAssembler _assembler = new(layout, new LayerStore(layout, squash));
    private readonly ConcurrentDictionary<string, (FileIdentity Identity, Image Image, IReadOnlyList<string> Names)> _remembered = new();

    /// <summary>The images that are in the store.</summary>
    public ImageCatalog Catalog { get; } = new(layout, new LayerStore(layout, squash));

    public StoreLayout Layout => layout;

    /// <summary>Loads what is on the disk, and pulls what only has a name and is missing.</summary>
    public Image Load(string reference, CancellationToken cancellation) => Load(reference, s_missing, RegistryOptions.Default, cancellation);

    public Image Load(string reference, PullOptions pull, RegistryOptions registries, CancellationToken cancellation)
    {
        if (Digest.IsValid(reference))
        {
            return Catalog.Find(reference) ?? throw new ImageException($"There is no image {reference} in the store {layout.Root}.");
        }

        ImageReference parsed = ImageReference.Parse(reference);
        if (parsed.Name is { } named)
        {
            return FindNamed(reference, platform: null) is { } found && pull.Policy != PullPolicy.Always ? found
                : Task.Run(() => PullAsync(reference, named, pull, registries, cancellation), cancellation).GetAwaiter().GetResult(); // away from the caller's context
        }

        if (!StoreFiles.TryStat(parsed.Path, out Kernel.statx_t stat))
        {
            throw new ImageException($"Image \"{reference}\": there is nothing at {parsed.Path}.");
        }

        if (stat.Type is not (Kernel.S_IFREG or Kernel.S_IFDIR))
        {
            throw new ImageException($"Image \"{reference}\": {parsed.Path} is neither a file nor a directory.");
        }

        ImageTransport transport = parsed.Transport;
        string path = parsed.Path;
        bool isDirectory = stat.Type == Kernel.S_IFDIR;
        if (isDirectory)
        {
            transport = SourceKinds.OfDirectory(parsed);
            if (transport == ImageTransport.Rootfs)
            {
                return FromDirectory(parsed, stat);
            }

            // The one file that says what is there; all else goes by digests.
            path += transport == ImageTransport.Oci ? "/" + OciLayoutSource.Index : "/" + DirSource.Manifest;
            if (!StoreFiles.TryStat(path, out stat))
            {
                throw new ImageException($"{SourceKinds.NameOf(parsed)}: there is no {Path.GetFileName(path)}.", transport == ImageTransport.Oci ? OciLayoutSource.Hint : DirSource.Hint);
            }
        }

        FileIdentity identity = FileIdentity.Of(path, stat);
        if (_remembered.TryGetValue(reference, out (FileIdentity Identity, Image Image, IReadOnlyList<string> Names) known)
            && known.Identity == identity && known.Image.LowerDirectories.All(StoreFiles.HasDirectory) && (known.Image.Catalog is null || Catalog.HasRecord(known.Image.Id)) && known.Names.All(name => Catalog.Names.Means(name, known.Image.Id)))
        {
            return known.Image;
        }

        layout.Open();
        (Image image, IReadOnlyList<string> names) = isDirectory
            ? FromDirectory(() => SourceKinds.OpenDirectory(parsed, transport), cancellation)
            : FromFile(parsed, identity, cancellation);
        if (StoreFiles.TryStat(path, out stat) && FileIdentity.Of(path, stat) == identity && identity.IsSettled)
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
        // There is no content to take a digest of: a directory is what it is at each moment. Its place stands for it.
        string id = Digest.Of(System.Text.Encoding.UTF8.GetBytes($"rootfs {stat.stx_dev_major}:{stat.stx_dev_minor} {stat.stx_ino} {reference.Path}"));
        return new Image(id, $"rootfs:{reference.Path}", [new ImageLayer(id, 0, null)], ImageConfig.Empty, [reference.Path]);
    }

    private (Image Image, IReadOnlyList<string> Names) FromFile(ImageReference reference, FileIdentity identity, CancellationToken cancellation)
    {
        SourceRecord? record = StoreRecords.TryLoad(RecordPath(identity), StoreJson.Default.SourceRecord);
        if (record is null || record.Identity != identity)
        {
            record = new SourceRecord(identity, null, null);
        }

        // What it is is known from the word before the path, or from the last time, or else by looking.
        string key = $"{reference.Transport} {reference.Tag}";
        ResolvedRecord? known = record.Resolved?.GetValueOrDefault(key);
        bool isKnownRootfs = reference.Transport == ImageTransport.Any && known is null && record.RootfsKey is { } layer && _layers.Has(layer);
        if (reference.Transport == ImageTransport.Rootfs || isKnownRootfs)
        {
            return FromRootfs(reference, record, opened: null, cancellation);
        }

        TarFile? opened = null;
        try
        {
            if (reference.Transport == ImageTransport.Any && known is null)
            {
                opened = TarFile.Open(reference.Path, reference.Path, layout, cancellation);
                if (SourceKinds.OfArchive(opened) == ImageTransport.Rootfs)
                {
                    return FromRootfs(reference, record, opened, cancellation);
                }
            }

            (Image image, ResolvedRecord resolved) = FromSource(OpenArchive, known, cancellation);
            if (known is null)
            {
                Remember(record with { Resolved = new Dictionary<string, ResolvedRecord>(record.Resolved ?? new Dictionary<string, ResolvedRecord>()) { [key] = resolved } });
            }

            return (image, resolved.Names);
        }
        finally
        {
            opened?.Dispose();
        }

        ImageSource OpenArchive()
        {
            TarFile tar = Interlocked.Exchange(ref opened, null) ?? TarFile.Open(reference.Path, SourceKinds.NameOf(reference), layout, cancellation);
            return SourceKinds.OpenArchive(reference, tar);
        }
    }

    private (Image Image, IReadOnlyList<string> Names) FromDirectory(Func<ImageSource> open, CancellationToken cancellation)
    {
        (Image image, ResolvedRecord resolved) = FromSource(open, known: null, cancellation);
        return (image, resolved.Names);
    }

    /// <summary>Makes an image of what a source has, or of what is known about it when all layers are there.</summary>
    private (Image Image, ResolvedRecord Resolved) FromSource(Func<ImageSource> open, ResolvedRecord? known, CancellationToken cancellation)
    {
        if (known is not null)
        {
            Config config = Config.Parse(known.Config, known.Name, layers: null);
            if (_assembler.TryFind(config.Id) is { } record
                && Catalog.TryPublish(new Publication(config, known.Config, record) { ShownName = known.Name, Names = known.Names, Source = known.Where }) is { } image)
            {
                return (image, known);
            }
        }

        using ImageSource source = open();
        // Sources on the disk answer at once.
        SourceImage found = source.ResolveAsync(ImagePlatform.Host, cancellation).AsTask().GetAwaiter().GetResult();
        return (Publish(source, found, found.Names, cancellation), new ResolvedRecord(source.Where, found.Name, found.Names, found.Config));
    }

    /// <summary>Finds or unpacks the layers, and enters the image in the catalogue.</summary>
    private Image Publish(ImageSource source, SourceImage found, IReadOnlyList<string> names, CancellationToken cancellation, ImagePlatform? platform = null, int parallelism = ImageAssembler.Parallelism, Action<int>? finished = null)
    {
        Config config = platform is null ? Config.Parse(found.Config, source.Where, found.Layers.Count) : Config.ForPlatform(found.Config, source.Where, found.Layers.Count, platform);
        while (true)
        {
            ImageRecord? known = _assembler.TryFind(config.Id);
            using AssembledImage? assembled = known is null ? _assembler.Assemble(config, source.Where, (i, token) => source.OpenLayer(found, i, token), cancellation, parallelism, finished) : null;
            Publication publication = new(config, found.Config, known ?? assembled!.Record)
            {
                ShownName = found.Name,
                Names = names,
                Source = source.Where,
                Manifest = found.Manifest?.Content,
                ManifestMediaType = found.Manifest?.MediaType,
            };
            if (Catalog.TryPublish(publication) is { } image)
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
            return LayerUnpacker.Unpack(archive, LayerStore.MakeRoot(work), new LayerUnpackOptions { ConvertWhiteouts = false, SquashOwners = squash, Limits = layout.Limits, RecipePlace = work.Path }, cancellation);
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
