namespace Containers;

/// <summary>An image of a store, in short: a line of a list.</summary>
/// <param name="Id">The digest of its config, <c>sha256:…</c>.</param>
/// <param name="Names">Its names with registry and tag or digest; empty when it has none.</param>
/// <param name="Platform">What it is for, such as <c>linux/amd64</c>; empty where nothing is said.</param>
/// <param name="Created">When it was made, by its own account.</param>
/// <param name="Stored">When it came to the store.</param>
/// <param name="Layers">How many layers it has.</param>
/// <param name="Size">The length of its layers' tars together, in bytes. Layers that images share count for each.</param>
public sealed record ImageSummary(string Id, IReadOnlyList<string> Names, string Platform, DateTimeOffset? Created, DateTimeOffset Stored, int Layers, long Size);
