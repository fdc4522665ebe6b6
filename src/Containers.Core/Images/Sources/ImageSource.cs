using Containers.Images.Manifests;

namespace Containers.Images.Sources;

/// <summary>A place that an image is read from: an archive, a layout, a registry.</summary>
internal abstract class ImageSource : IDisposable
{
    /// <summary>The source in the words of a reference, for messages.</summary>
    public abstract string Where { get; }

    /// <summary>Finds out what the image is: the documents, verified, but none of the layers.</summary>
    /// <param name="platform">Which machine it is for, where there is a choice.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="ImageException">It is not there, or wrong.</exception>
    public abstract ValueTask<SourceImage> ResolveAsync(ImagePlatform platform, CancellationToken cancellation);

    /// <summary>
    /// Opens a layer as it is there, compressed or not. Called from several threads. What has a digest comes as a
    /// <see cref="BlobInput"/>, and is to be believed only when that is complete.
    /// </summary>
    public abstract Stream OpenLayer(SourceImage image, int index, CancellationToken cancellation);

    public abstract void Dispose();
}

/// <summary>What a source says an image is.</summary>
/// <param name="Name">What it is called: the tag that it was chosen by, or the first that it has, or the source.</param>
/// <param name="Config">The config's bytes.</param>
/// <param name="Layers">Lowest first.</param>
internal sealed record SourceImage(string Name, byte[] Config, IReadOnlyList<Descriptor> Layers)
{
    /// <summary>Full names that it has there, and may have in the store.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>The manifest, byte for byte; null where the source has none that a registry would take (docker archives).</summary>
    public SourceDocument? Manifest { get; init; }
}

/// <summary>A manifest or an index as it stands in its source.</summary>
/// <param name="Content">Its bytes.</param>
/// <param name="MediaType">What it is.</param>
/// <param name="Blobs">What a manifest refers to, the config first; an index refers to documents only.</param>
internal sealed record SourceDocument(byte[] Content, string MediaType, IReadOnlyList<Descriptor> Blobs)
{
    /// <summary>What a registry knows it by.</summary>
    public string Digest { get; } = Images.Digest.Of(Content);
}
