namespace Containers;

/// <summary>What a store takes on the disk: blocks of files, each file once.</summary>
/// <param name="TotalBytes">All of it.</param>
/// <param name="LayerBytes">Unpacked layers, with what makes their tars again.</param>
/// <param name="RunningBytes">What containers have written.</param>
/// <param name="UnfinishedBytes">What is being loaded, or was left by a crash.</param>
/// <param name="ReclaimableBytes">Layers that no named image has and nothing uses: <see cref="ImageStore.PruneAsync"/> removes them.</param>
/// <param name="Images">The images, as <see cref="ImageStore.List"/> has them.</param>
public sealed record StoreUsage(long TotalBytes, long LayerBytes, long RunningBytes, long UnfinishedBytes, long ReclaimableBytes, IReadOnlyList<ImageUsage> Images);

/// <summary>What an image takes on the disk.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Names">Its names.</param>
/// <param name="Bytes">Its layers.</param>
/// <param name="SharedBytes">Those of its layers that other images have, too.</param>
/// <param name="IsInUse">Whether a container runs from it.</param>
public sealed record ImageUsage(string Id, IReadOnlyList<string> Names, long Bytes, long SharedBytes, bool IsInUse);
