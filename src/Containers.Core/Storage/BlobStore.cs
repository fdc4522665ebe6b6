using Containers.Images;

namespace Containers.Storage;

/// <summary>The small documents of images, configs and manifests, by their digests. What has not the digest that it is named by is as good as not there.</summary>
internal sealed class BlobStore(StoreLayout layout)
{
    public string PathOf(string digest) => $"{layout.Blobs}/{Digest.Hex(digest)}";

    /// <summary>Whether a document is there, and is what its name says: one that is not has to be put again.</summary>
    public bool Has(string digest) => TryRead(digest) is not null;

    /// <summary>A document's bytes; null when it is not there, or not what its name says.</summary>
    public byte[]? TryRead(string digest)
        => StoreFiles.TryRead(PathOf(digest)) is { } bytes && Digest.Of(bytes) == digest ? bytes : null;

    /// <summary>Keeps a document, on the disk when this returns. Under the store's lock, or what is put may be removed before anything refers to it.</summary>
    /// <returns>Its digest.</returns>
    public string Put(ReadOnlySpan<byte> content)
    {
        string digest = Digest.Of(content);
        if (!Has(digest))
        {
            StoreFiles.Publish(layout, PathOf(digest), content);
        }

        return digest;
    }
}
