namespace Containers;

/// <summary>How an image is written.</summary>
public sealed record SaveOptions
{
    /// <summary>How layers are compressed; null for what is usual: not at all in a docker archive, and gzip elsewhere.</summary>
    public LayerCompression? Compression { get; init; }

    /// <summary>Names that a docker archive tells, such as <c>app:1</c>, where the reference gives none; null for those that the image has in the store.</summary>
    public IReadOnlyList<string>? Names { get; init; }
}

/// <summary>How layers are compressed.</summary>
public enum LayerCompression
{
    /// <summary>Plain tars.</summary>
    None,

    /// <summary>gzip, which everything reads.</summary>
    Gzip,

    /// <summary>zstd (RFC 8878): smaller and faster to read; podman, skopeo, buildah and newer versions of docker and containerd read it, older programs such as umoci 0.4 do not.</summary>
    Zstd,
}
