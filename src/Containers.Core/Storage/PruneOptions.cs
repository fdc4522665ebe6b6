namespace Containers;

/// <summary>What is to be removed from a store.</summary>
public sealed record PruneOptions
{
    /// <summary>Also images that have names, unless a container runs from them.</summary>
    public bool All { get; init; }
}

/// <summary>What was removed from a store.</summary>
/// <param name="Names">Names that mean nothing any more.</param>
/// <param name="Images">Ids of images.</param>
/// <param name="Layers">How many layers.</param>
/// <param name="FreedBytes">What all of it took on the disk.</param>
public sealed record PruneResult(IReadOnlyList<string> Names, IReadOnlyList<string> Images, int Layers, long FreedBytes);
