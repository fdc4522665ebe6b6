using Containers.Images.Building;
using Containers.Images.Manifests;
using Containers.Images.Registry;
using Containers.Images.Sources;
using Containers.Storage;

namespace Containers.Images.Saving;

/// <summary>An image of a store whose layers' archives are made, for whoever writes or sends them. Until it is disposed nothing of it can be removed.</summary>
internal sealed class PreparedImage : IDisposable
{
    private readonly LayerLeases _leases;

    private PreparedImage(ImageCatalog catalog, LayerLeases leases, byte[] config, SavedLayers layers, byte[] manifest)
    {
        Catalog = catalog;
        _leases = leases;
        Config = config;
        Layers = layers;
        Manifest = manifest;
    }

    public ImageCatalog Catalog { get; }

    public byte[] Config { get; }

    public SavedLayers Layers { get; }

    /// <summary>OCI's.</summary>
    public byte[] Manifest { get; }

    /// <exception cref="ImageException">It is none, or is not there any more.</exception>
    public static PreparedImage Make(Image image, LayerCompression compression, CancellationToken cancellation)
    {
        ImageCatalog catalog = CatalogOf(image);
        LayerLeases leases = LayerLeases.TryHold(image) ?? throw ImageCatalog.Gone(image);
        try
        {
            (ImageRecord record, byte[] config) = catalog.Require(image);
            SavedLayers layers = SavedLayers.Make(record, [.. image.Layers.Select(layer => layer.DiffId)], catalog.Layers, catalog.Layout, compression, cancellation);
            return new PreparedImage(catalog, leases, config, layers, BuiltDocuments.OciManifest(image.Id, config.Length, layers.All.Select(layer => (layer.MediaType, layer.Digest, layer.Size))));
        }
        catch
        {
            leases.Dispose();
            throw;
        }
    }

    /// <summary>The store that an image is in.</summary>
    public static ImageCatalog CatalogOf(Image image)
        => image.Catalog ?? throw new ImageException($"\"{image.Name}\" cannot be saved: it is a root file system, without a config that would make it an image.", $"{nameof(ImageBuilder)} makes an image of a directory.");

    /// <summary>As a registry takes it.</summary>
    public PushImage ToPush()
    {
        ManifestDocument document = ManifestDocument.Parse(Manifest, MediaTypes.OciManifest, "the manifest made of it");
        return PushImage.Of(new SourceDocument(Manifest, MediaTypes.OciManifest, [document.Config!, .. document.Layers!]), Config, [.. document.Layers!.Select((layer, i) => new PushBlob(layer, _ => Layers.All[i].Open()))]);
    }

    public void Dispose()
    {
        Layers.Dispose();
        _leases.Dispose();
    }
}
