namespace Containers;

// What keeps a store small and whole.
public sealed partial class ImageStore
{
    /// <summary>
    /// Removes what nobody needs: images without a name, layers of no image, documents and records that nothing refers to, and what
    /// crashed processes left. What a container of any process runs from stays, and so does what is just being loaded.
    /// </summary>
    /// <param name="options">What else is to go.</param>
    /// <param name="cancellationToken">Keeps it from starting.</param>
    /// <returns>What was removed, and what that freed.</returns>
    /// <remarks>Images of archives without tags and root file systems of tars have no names: their files are unpacked again when they are used again.</remarks>
    public Task<PruneResult> PruneAsync(PruneOptions? options = null, CancellationToken cancellationToken = default)
        => Task.Run(() => new Storage.StorePruning(_loader.Catalog).Run(options ?? new PruneOptions()), cancellationToken);

    /// <summary>Counts what the store takes on the disk. All of its files are looked at.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    public Task<StoreUsage> DiskUsageAsync(CancellationToken cancellationToken = default)
        => Task.Run(() => Storage.StoreMeasurement.Run(_loader.Catalog, cancellationToken), cancellationToken);

    /// <summary>
    /// Looks whether all is as it was loaded: the tar of each layer is made again and has to have its digest, and modes, owners, times,
    /// links and attributes have to be those of its entries; documents have to have their digests, and what is referred to has to be there.
    /// </summary>
    /// <param name="repair">Whether what is not right is removed, so that the next pull or load makes it again. What is in use stays, and is told.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task<StoreVerification> VerifyAsync(bool repair = false, CancellationToken cancellationToken = default)
        => Task.Run(() => new Storage.StoreVerifier(_loader.Catalog, repair).Run(cancellationToken), cancellationToken);
}
