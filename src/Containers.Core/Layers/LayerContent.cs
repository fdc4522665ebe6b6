namespace Containers.Layers;

/// <summary>What an unpacked layer turned out to be.</summary>
/// <param name="DiffId">sha256:… of the uncompressed tar, as an image's config lists it.</param>
/// <param name="ArchiveLength">Bytes of the uncompressed tar.</param>
/// <param name="Entries">How many entries it had.</param>
/// <param name="Whiteouts">Paths, relative to the root, that the layer hides in those below it, except in directories that are opaque anyway.</param>
internal sealed record LayerContent(string DiffId, long ArchiveLength, int Entries, IReadOnlyList<byte[]> Whiteouts)
{
    /// <summary>
    /// Directories, as paths without links relative to the root (itself empty), that the archive has no entry for but something in them:
    /// nothing is said of their owner, mode and times, which are those of the directory in the layers below.
    /// </summary>
    public IReadOnlyList<byte[]> ImplicitDirectories { get; init; } = [];

    /// <summary>Device nodes that were left out: only root makes them, and in a user namespace nobody could use them.</summary>
    public IReadOnlyList<byte[]> MissingDevices { get; init; } = [];
}

/// <summary>How a layer is unpacked.</summary>
internal sealed record LayerUnpackOptions
{
    /// <summary>Entries named .wh.* become overlay whiteouts and opaque marks. False for a plain rootfs tar, where they are files like others.</summary>
    public bool ConvertWhiteouts { get; init; } = true;

    /// <summary>A directory that gets what is needed to make the tar again (see RecipeFormat); null for nothing.</summary>
    public string? RecipePlace { get; init; }

    /// <summary>What the archive may be at most.</summary>
    public UnpackLimits Limits { get; init; } = UnpackLimits.Default;

    /// <summary>Whether files of owners that this process, which is not root, cannot give files to are its own user's.</summary>
    public bool SquashOwners { get; init; }

    /// <summary>
    /// Whiteouts to leave out: those for names that no lower layer has, which overlayfs would show as ghosts in readdir.
    /// Paths as <see cref="LayerContent.Whiteouts"/> gives them.
    /// </summary>
    public IReadOnlyList<byte[]> DropWhiteouts { get; init; } = [];
}
