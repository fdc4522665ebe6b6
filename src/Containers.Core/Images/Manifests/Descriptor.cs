using System.Text.Json.Serialization;

namespace Containers.Images.Manifests;

/// <summary>What a manifest or an index says about a blob (OCI image spec, descriptor.md).</summary>
internal sealed record Descriptor
{
    public const string RefName = "org.opencontainers.image.ref.name";
    public const string ContainerdName = "io.containerd.image.name";

    [JsonPropertyName("mediaType")]
    public string? MediaType { get; init; }

    [JsonPropertyName("digest")]
    public string? Digest { get; init; }

    [JsonPropertyName("size")]
    public long Size { get; init; }

    /// <summary>Where a layer that no registry may distribute can be had.</summary>
    [JsonPropertyName("urls")]
    public IReadOnlyList<string>? Urls { get; init; }

    [JsonPropertyName("platform")]
    public PlatformDocument? Platform { get; init; }

    [JsonPropertyName("annotations")]
    public Dictionary<string, string>? Annotations { get; init; }

    /// <summary>Checks what everything else relies on.</summary>
    /// <exception cref="ImageException">There is no digest that can be verified, or no size.</exception>
    public Descriptor Check(string where, string what)
        => !Images.Digest.IsValid(Digest)
            ? throw new ImageException($"{where}: the digest \"{Digest}\" of {what} is none that can be verified.", "A digest is sha256: and 64 lower-case hexadecimal digits.")
            : Size < 0 ? throw new ImageException($"{where}: the size of {what} is {Size}.") : this;
}

/// <summary>Which machine an entry of an index is for.</summary>
internal sealed record PlatformDocument
{
    [JsonPropertyName("os")]
    public string? Os { get; init; }

    [JsonPropertyName("architecture")]
    public string? Architecture { get; init; }

    [JsonPropertyName("variant")]
    public string? Variant { get; init; }
}
