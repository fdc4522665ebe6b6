using Containers.Images.Manifests;

namespace Containers.Images.Sources;

/// <summary>A source of manifests and blobs by their digests, as OCI and docker's second schema have it: all of them but docker archives.</summary>
internal abstract class BlobSource : ImageSource
{
    /// <summary>An index of an index is allowed by the OCI spec, and one that goes on is meant to keep us.</summary>
    private const int MaximumDepth = 4;

    public sealed override async ValueTask<SourceImage> ResolveAsync(ImagePlatform platform, CancellationToken cancellation)
    {
        (IReadOnlyList<string> names, byte[] content, string? type) = await ReadFirstAsync(platform, cancellation).ConfigureAwait(false);
        ManifestDocument document = ManifestDocument.Parse(content, type, Where);
        for (int depth = 0; document.IsIndex; depth++)
        {
            if (depth == MaximumDepth)
            {
                throw TooDeep;
            }

            Descriptor chosen = PlatformChoice.Choose(document.Manifests!, platform, Where);
            content = await ReadManifestAsync(chosen, cancellation).ConfigureAwait(false);
            document = ManifestDocument.Parse(content, chosen.MediaType, Where);
        }

        document.CheckImage(Where);
        byte[] config = await ReadConfigAsync(document.Config!, cancellation).ConfigureAwait(false);
        return new SourceImage(names.Count > 0 ? names[0] : Where, config, document.Layers!)
        {
            Names = [.. names.Where(IsFullName).Select(ImageName.Normalize).Distinct()],
            Manifest = Document(content, document),
        };
    }

    /// <summary>Finds all that the reference leads to, for whatever machine: every document after those that it refers to.</summary>
    /// <exception cref="ImageException">It is not there, or wrong.</exception>
    public async ValueTask<IReadOnlyList<SourceDocument>> ResolveAllAsync(CancellationToken cancellation)
    {
        (_, byte[] content, string? type) = await ReadFirstAsync(null, cancellation).ConfigureAwait(false);
        List<SourceDocument> found = [];
        await AddAsync(content, type, 0).ConfigureAwait(false);
        return found;

        async ValueTask AddAsync(byte[] content, string? type, int depth)
        {
            if (depth > MaximumDepth)
            {
                throw TooDeep;
            }

            ManifestDocument document = ManifestDocument.Parse(content, type, Where);
            foreach (Descriptor below in document.Manifests ?? [])
            {
                await AddAsync(await ReadManifestAsync(below.Check(Where, "an entry of the index"), cancellation).ConfigureAwait(false), below.MediaType, depth + 1).ConfigureAwait(false);
            }

            found.Add(Document(content, document));
        }
    }

    /// <summary>Opens what a document refers to, to be believed when it is complete.</summary>
    public Stream Open(Descriptor blob, CancellationToken cancellation) => OpenBlob(blob, "a blob", cancellation);

    private static SourceDocument Document(byte[] content, ManifestDocument document) => new(content, document.Kind, document.IsIndex ? [] : [document.Config!, .. document.Layers!]);

    private ImageException TooDeep => new($"{Where}: there are more than {MaximumDepth} indexes within each other.");

    // "1.0" is a tag of the layout and says nothing elsewhere.
    private static bool IsFullName(string name) => name.AsSpan().ContainsAny('/', ':') && ImageName.IsName(name);

    /// <summary>The document that the reference leads to, with its type where the source says one, and the image's names, the one to show first.</summary>
    /// <param name="platform">Which machine it is for, where there is a choice; null for the document that has them all.</param>
    /// <param name="cancellation">Ends it.</param>
    protected abstract ValueTask<(IReadOnlyList<string> Names, byte[] Content, string? MediaType)> ReadFirstAsync(ImagePlatform? platform, CancellationToken cancellation);

    /// <summary>Reads a manifest that an index lists, and verifies it.</summary>
    protected abstract ValueTask<byte[]> ReadManifestAsync(Descriptor descriptor, CancellationToken cancellation);

    /// <summary>Opens a blob.</summary>
    protected abstract BlobInput OpenBlob(Descriptor descriptor, string what, CancellationToken cancellation);

    public sealed override Stream OpenLayer(SourceImage image, int index, CancellationToken cancellation) => OpenBlob(image.Layers[index], $"layer {index + 1}", cancellation);

    private async ValueTask<byte[]> ReadConfigAsync(Descriptor descriptor, CancellationToken cancellation)
    {
        CheckLength(descriptor, "the config");
        using BlobInput blob = OpenBlob(descriptor, "the config", cancellation);
        // Of a source on the disk this is a small file; the registry's own reads are asynchronous below.
        return blob.IsRemote ? await Task.Run(() => ReadWhole(blob), cancellation).ConfigureAwait(false) : ReadWhole(blob);
    }

    private byte[] ReadWhole(BlobInput blob)
    {
        try
        {
            return blob.ReadWhole();
        }
        catch (BlobDamagedException exception)
        {
            throw exception.Explain(Where);
        }
    }

    /// <summary>Refuses a document that is too large before anything of it is read.</summary>
    protected void CheckLength(Descriptor descriptor, string what)
    {
        if (descriptor.Size > ManifestDocument.MaximumLength)
        {
            throw new ImageException($"{Where}: {what} has {descriptor.Size} bytes; {ManifestDocument.MaximumLength} are the most that make sense.");
        }
    }

    /// <summary>Reads a manifest as a blob, which it is everywhere but in registries.</summary>
    protected byte[] ReadManifestBlob(Descriptor descriptor, CancellationToken cancellation)
    {
        CheckLength(descriptor, "a manifest");
        using BlobInput blob = OpenBlob(descriptor, "a manifest", cancellation);
        return ReadWhole(blob);
    }
}
