using System.Collections.Concurrent;
using Containers.Images;
using Containers.Images.Archives;
using Containers.Native;

namespace Containers.Storage;

/// <summary>An image whose layers are there, to be entered in the catalogue.</summary>
/// <param name="Config">Its config.</param>
/// <param name="ConfigJson">The config's bytes.</param>
/// <param name="Record">Its layers.</param>
internal sealed record Publication(Config Config, byte[] ConfigJson, ImageRecord Record)
{
    /// <summary>What <see cref="Image.Name"/> is to be.</summary>
    public required string ShownName { get; init; }

    /// <summary>Full names that are to mean the image.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>The manifest that it was pulled by.</summary>
    public byte[]? Manifest { get; init; }

    public string? ManifestMediaType { get; init; }

    /// <summary>The reference that it was loaded from.</summary>
    public string? Source { get; init; }
}

/// <summary>
/// The images of a store: by their names, and by their ids. Everything that is written is written under the store's lock, in the
/// order documents, record, name, so that a name never means what is not there; nothing is locked for looking.
/// </summary>
internal sealed partial class ImageCatalog(StoreLayout layout, LayerStore layers)
{
    private const int MaximumRemembered = 1024;

    private readonly ConcurrentDictionary<string, (FileIdentity Identity, Image Image)> _byId = new();
    private readonly ConcurrentDictionary<string, (Image Image, Image Named)> _byName = new();

    public StoreLayout Layout => layout;

    public LayerStore Layers => layers;

    public BlobStore Blobs { get; } = new(layout);

    public ImageNames Names { get; } = new(layout);

    /// <summary>Finds an image by a name, its id, or the beginning of its id. Found before, it costs some system calls.</summary>
    /// <returns>Null when it is not there, or not all of it.</returns>
    /// <exception cref="ImageException">Several ids begin so.</exception>
    public Image? Find(string nameOrId)
    {
        if (FindRecord(nameOrId) is not { } found)
        {
            return null;
        }

        Image? image = ById(found.ImageId);
        if (image is null || found.Name is null)
        {
            return image;
        }

        if (_byName.TryGetValue(nameOrId, out (Image Image, Image Named) known) && ReferenceEquals(known.Image, image))
        {
            return known.Named; // the same object each time: it has read the image's users
        }

        Image named = new(image.Id, nameOrId, image.Layers, image.Config, image.LowerDirectories, this);
        Remember(_byName, nameOrId, (image, named));
        return named;
    }

    /// <summary>Finds an image by its id, <c>sha256:…</c>.</summary>
    public Image? ById(string imageId)
    {
        string path = RecordPath(imageId);
        if (!StoreFiles.TryStat(path, out Kernel.statx_t stat))
        {
            return null;
        }

        FileIdentity identity = FileIdentity.Of(path, stat);
        if (_byId.TryGetValue(imageId, out (FileIdentity Identity, Image Image) known) && known.Identity == identity)
        {
            return known.Image.LowerDirectories.All(StoreFiles.HasDirectory) ? known.Image : null;
        }

        if (StoreRecords.TryLoad(path, StoreJson.Default.ImageRecord) is not { Layers: not null } record || !record.LowerKeys().All(layers.Has)
            || Blobs.TryRead(imageId) is not { } json)
        {
            return null;
        }

        Image image = MakeImage(Config.Describe(json, $"the image {imageId} of the store {layout.Root}", record.Layers.Count), record, NameOf(imageId) ?? imageId);
        if (identity.IsSettled)
        {
            Remember(_byId, imageId, (identity, image));
        }

        return image;
    }

    /// <summary>What the store has of an image that was loaded from it.</summary>
    /// <exception cref="ImageException">It is not there any more.</exception>
    public (ImageRecord Record, byte[] Config) Require(Image image)
        => StoreRecords.TryLoad(RecordPath(image.Id), StoreJson.Default.ImageRecord) is { } record && Blobs.TryRead(image.Id) is { } config ? (record, config) : throw Gone(image);

    /// <summary>That of an image which was removed since it was loaded.</summary>
    public static ImageException Gone(Image image) => new($"The image \"{image.Name}\" is not in its store any more: it was removed since it was loaded.", "Load it again.");

    /// <summary>Assembles an image that is made here, and enters it.</summary>
    /// <param name="config">Its config.</param>
    /// <param name="where">What it is called in messages.</param>
    /// <param name="open">Opens a layer's tar by its index from 0, the lowest.</param>
    /// <param name="publish">How it is entered, with the layers that it got.</param>
    /// <param name="cancellation">Ends it.</param>
    public Image Make(Config config, string where, Func<int, Stream> open, Func<ImageRecord, Publication> publish, CancellationToken cancellation)
    {
        ImageAssembler assembler = new(layout, layers);
        while (true)
        {
            using AssembledImage assembled = assembler.Assemble(config, where, (i, _) => open(i), cancellation);
            if (TryPublish(publish(assembled.Record)) is { } image)
            {
                return image;
            }
        }
    }

    /// <summary>Enters an image, with names that mean it from now on. What is there already is not written again.</summary>
    /// <returns>Null when a layer of it is gone meanwhile: somebody removed it, and it has to be assembled again.</returns>
    public Image? TryPublish(Publication image)
    {
        string id = image.Config.Id;
        if (!IsPublished(image))
        {
            layout.Open();
            using StoreLock held = StoreLock.Take(layout);
            if (!image.Record.LowerKeys().All(layers.Has))
            {
                return null;
            }

            Blobs.Put(image.ConfigJson);
            string? manifest = image.Manifest is null ? null : Blobs.Put(image.Manifest);
            if (!HasRecord(image))
            {
                StoreFiles.Publish(layout, RecordPath(id), System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(image.Record, StoreJson.Default.ImageRecord));
            }

            foreach (string name in image.Names)
            {
                if (!IsNamed(name, image))
                {
                    Names.Put(new NameRecord(name, id, manifest, image.ManifestMediaType, DateTimeOffset.UtcNow, image.Source));
                }
            }
        }

        return MakeImage(image.Config, image.Record, image.ShownName);
    }

    /// <summary>Whether an image was not removed.</summary>
    public bool HasRecord(string imageId) => StoreFiles.TryStat(RecordPath(imageId), out _);

    /// <summary>The record of an image's layers.</summary>
    public string RecordPath(string imageId) => $"{layout.Images}/{Digest.Hex(imageId)}{layers.Suffix}.json";

    // What is asked for may be a name or an id; names come first, as they are what people mean.
    private (string? Name, string ImageId)? FindRecord(string nameOrId)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrId);
        bool isId = Digest.IsValid(nameOrId);
        string name = isId ? "" : ImageName.Normalize(nameOrId);
        if (!isId && Names.Find(name) is { } record)
        {
            return (record.Name, record.ImageId);
        }

        return isId ? (null, nameOrId) : ByPrefix(nameOrId) is { } id ? (null, id) : null;
    }

    private string? ByPrefix(string text)
    {
        const int Shortest = 4; // shorter ones are words
        string hex = text.StartsWith(Digest.Prefix, StringComparison.Ordinal) ? Digest.Hex(text) : text;
        if (hex.Length is < Shortest or > 64 || !hex.All(char.IsAsciiHexDigitLower) || !Directory.Exists(layout.Images))
        {
            return null;
        }

        string[] ids = [.. Directory.GetFiles(layout.Images, hex + "*.json").Select(path => Path.GetFileName(path)[..64]).Distinct().Order(StringComparer.Ordinal)];
        return ids.Length <= 1 ? ids.Select(id => Digest.Prefix + id).FirstOrDefault()
            : throw new ImageException($"\"{text}\" is the beginning of {ids.Length} images' ids in the store {layout.Root}.", $"They are {string.Join(", ", ids.Take(5).Select(id => id[..16]))}{(ids.Length > 5 ? ", …" : ".")}");
    }

    private string? NameOf(string imageId) => Names.All().FirstOrDefault(record => record.ImageId == imageId)?.Name;

    private Image MakeImage(Config config, ImageRecord record, string name) => new(
        config.Id,
        name,
        [.. record.Layers.Select((layer, i) => new ImageLayer(config.DiffIds[i], layer.Size, config.CreatedBy[i]))],
        config.Run,
        [.. record.LowerKeys().Select(layers.DirectoryOf)],
        this);

    private bool IsPublished(Publication image)
        => HasRecord(image) && Blobs.Has(image.Config.Id) && (image.Manifest is null || Blobs.Has(Digest.Of(image.Manifest))) && image.Names.All(name => IsNamed(name, image));

    private bool HasRecord(Publication image)
        => StoreRecords.TryLoad(RecordPath(image.Config.Id), StoreJson.Default.ImageRecord) is { Layers: not null } record && record.LowerKeys().SequenceEqual(image.Record.LowerKeys());

    private bool IsNamed(string name, Publication image)
        => Names.Find(name) is { } record && record.ImageId == image.Config.Id && (image.Manifest is null || record.ManifestDigest == Digest.Of(image.Manifest));

    private static void Remember<T>(ConcurrentDictionary<string, T> remembered, string key, T value)
    {
        if (remembered.Count >= MaximumRemembered)
        {
            remembered.Clear();
        }

        remembered[key] = value;
    }
}
