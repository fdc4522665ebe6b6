namespace Containers.Images.Manifests;

/// <summary>Media types of the OCI image spec, and docker's of the same things.</summary>
internal static class MediaTypes
{
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";
    public const string OciLayer = "application/vnd.oci.image.layer.v1.tar";
    public const string DockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerConfig = "application/vnd.docker.container.image.v1+json";
    public const string DockerLayer = "application/vnd.docker.image.rootfs.diff.tar";

    private const string OciForeignLayer = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    private const string DockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar";

    /// <summary>What a registry is asked for.</summary>
    public static readonly IReadOnlyList<string> Manifests = [OciManifest, OciIndex, DockerManifest, DockerList];

    public static bool IsIndex(string? type) => type is OciIndex or DockerList;

    public static bool IsManifest(string? type) => type is OciManifest or DockerManifest;

    /// <summary>Docker's first schema, with its history in place of a config: gone from registries since 2020.</summary>
    public static bool IsFirstSchema(string? type) => type is "application/vnd.docker.distribution.manifest.v1+json" or "application/vnd.docker.distribution.manifest.v1+prettyjws";

    public static bool IsConfig(string? type) => type is OciConfig or DockerConfig;

    /// <summary>Whether a layer is a tar, in whatever way it is compressed: that is told by its first bytes.</summary>
    public static bool IsLayer(string? type) => Base(type) is OciLayer or DockerLayer or OciForeignLayer or DockerForeignLayer;

    // "…tar.gzip" is docker's, "…tar+gzip" OCI's, and both are seen with the other's; encryption is a suffix as well, and no compression.
    private static string? Base(string? type)
    {
        foreach (string suffix in (ReadOnlySpan<string>)["+gzip", ".gzip", "+zstd", ".zstd"])
        {
            if (type is not null && type.EndsWith(suffix, StringComparison.Ordinal))
            {
                return type[..^suffix.Length];
            }
        }

        return type;
    }
}
