namespace Containers;

/// <summary>One layer of an image.</summary>
/// <param name="DiffId">The digest of the layer's uncompressed tar, <c>sha256:…</c>.</param>
/// <param name="Size">The uncompressed tar's length in bytes; 0 for a root directory, which has no tar.</param>
/// <param name="CreatedBy">The command that made the layer, where the image tells its history.</param>
public sealed record ImageLayer(string DiffId, long Size, string? CreatedBy);
