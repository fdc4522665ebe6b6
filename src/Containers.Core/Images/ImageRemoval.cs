namespace Containers;

/// <summary>What was removed from a store.</summary>
/// <param name="Id">The image that was meant.</param>
/// <param name="Names">The names that it has no more.</param>
/// <param name="IsImageRemoved">Whether the image is gone; false while it has other names.</param>
/// <param name="FreedBytes">What was freed on the disk: layers that other images have, or that something uses, stay.</param>
public sealed record ImageRemoval(string Id, IReadOnlyList<string> Names, bool IsImageRemoved, long FreedBytes);
