namespace Containers;

/// <summary>
/// What one layer, or one root file system's tar, may be at most. An archive says little of what comes out of it: some kilobytes can be
/// petabytes, or millions of files. Whoever unpacks the archives of others chooses limits nearer to what is expected.
/// </summary>
/// <remarks>An archive beyond one of them is refused with an <see cref="ImageException"/> that names the limit and the entry, and nothing of it stays.</remarks>
public sealed record UnpackLimits
{
    /// <summary>The limits of a store that is not given others.</summary>
    public static UnpackLimits Default { get; } = new();

    /// <summary>Bytes of the uncompressed tar; 256 GiB.</summary>
    public long MaximumSize { get; init; } = 256L << 30;

    /// <summary>Bytes of one file, with its holes; 1 TiB.</summary>
    public long MaximumFileSize { get; init; } = 1L << 40;

    /// <summary>Entries of the tar; 4 million.</summary>
    public int MaximumEntries { get; init; } = 4_000_000;

    /// <summary>Names from the root to an entry, where it really comes to lie; 1,024.</summary>
    public int MaximumDepth { get; init; } = 1024;

    /// <summary>
    /// How many times longer than its compressed form the tar may be; 500. It counts from the first <see cref="RatioFrom"/> bytes on: a small file of zeros is nobody's attack.
    /// Data that programs write is seldom beyond 20.
    /// </summary>
    public int MaximumRatio { get; init; } = 500;

    /// <summary>Bytes of the uncompressed tar up to which <see cref="MaximumRatio"/> does not count; 1 GiB.</summary>
    public long RatioFrom { get; init; } = 1L << 30;

    internal const string Hint = "The limits are the store's: new ImageStore(path, new UnpackLimits { … }).";
}
