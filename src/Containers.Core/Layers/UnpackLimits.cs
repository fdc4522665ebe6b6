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

    /// <summary>For a tar that was unpacked already.</summary>
    internal static UnpackLimits None { get; } = new() { MaximumSize = long.MaxValue, MaximumFileSize = long.MaxValue, MaximumEntries = int.MaxValue, MaximumDepth = int.MaxValue };

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

    /// <summary>Checks how far decompression has come.</summary>
    /// <param name="length">Bytes that came out.</param>
    /// <param name="compressed">Bytes that went in.</param>
    /// <param name="kind">How they are compressed; null when they are not.</param>
    /// <exception cref="LayerException">It is too much.</exception>
    internal void Check(long length, long compressed, string? kind)
    {
        if (length > MaximumSize)
        {
            throw new LayerException($"The archive goes on past {MaximumSize} bytes, which is the limit.", Hint);
        }

        if (kind is not null && length > RatioFrom && length / MaximumRatio > compressed)
        {
            throw new LayerException($"The {kind} data of the archive has become more than {MaximumRatio} times longer by decompression: {length} bytes, of {compressed}.", Hint);
        }
    }

    internal const string Hint = "The limits are the store's: new ImageStore(path, new UnpackLimits { … }).";
}
