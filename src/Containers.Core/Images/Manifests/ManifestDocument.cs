using System.Text.Json;
using System.Text.Json.Serialization;

namespace Containers.Images.Manifests;

/// <summary>A manifest or an index: of OCI's and of docker's second schema, which have the same members.</summary>
internal sealed record ManifestDocument
{
    /// <summary>The container tools' own limit for a manifest.</summary>
    public const int MaximumLength = 4 << 20;

    [JsonPropertyName("schemaVersion")]
    public int? SchemaVersion { get; init; }

    [JsonPropertyName("mediaType")]
    public string? MediaType { get; init; }

    [JsonPropertyName("artifactType")]
    public string? ArtifactType { get; init; }

    [JsonPropertyName("config")]
    public Descriptor? Config { get; init; }

    [JsonPropertyName("layers")]
    public IReadOnlyList<Descriptor>? Layers { get; init; }

    [JsonPropertyName("manifests")]
    public IReadOnlyList<Descriptor>? Manifests { get; init; }

    /// <summary>Only docker's first schema has it.</summary>
    [JsonPropertyName("fsLayers")]
    public JsonElement? FsLayers { get; init; }

    /// <summary>What it is: its own word, or else what its source says, or else what its members tell.</summary>
    [JsonIgnore]
    public string Kind { get; init; } = "";

    [JsonIgnore]
    public bool IsIndex => MediaTypes.IsIndex(Kind);

    /// <summary>Reads one.</summary>
    /// <param name="json">The document.</param>
    /// <param name="declared">The type that the source says it has; null when it says nothing.</param>
    /// <param name="where">What messages begin with.</param>
    /// <exception cref="ImageException">It is none that images are made of.</exception>
    public static ManifestDocument Parse(ReadOnlySpan<byte> json, string? declared, string where)
    {
        ManifestDocument document;
        try
        {
            document = JsonSerializer.Deserialize(json, ManifestJson.Default.ManifestDocument) ?? throw new ImageException($"{where}: the manifest is null.");
        }
        catch (JsonException exception)
        {
            throw new ImageException($"{where}: the manifest is not the JSON that it should be: {exception.Message}", innerException: exception);
        }

        if (document.SchemaVersion == 1 || document.FsLayers is not null || MediaTypes.IsFirstSchema(declared))
        {
            throw new ImageException($"{where}: the manifest is of docker's first schema, which has no digests of what is unpacked.", "Push the image again with a docker of 2017 or later, or copy it with skopeo copy --format oci.");
        }

        // One document that can be read as two things is an attack on who verifies one and uses the other (CVE-2021-41190).
        if (document.Manifests is not null && (document.Layers is not null || document.Config is not null))
        {
            throw new ImageException($"{where}: the document is a manifest and an index at once.");
        }

        bool known = MediaTypes.IsIndex(declared) || MediaTypes.IsManifest(declared);
        if (known && document.MediaType is { Length: > 0 } own && own != declared)
        {
            throw new ImageException($"{where}: the manifest says that it is {own}, and what refers to it says {declared}.");
        }

        string kind = document.MediaType is { Length: > 0 } said ? said
            : known ? declared!
            : document.Manifests is not null ? MediaTypes.OciIndex : MediaTypes.OciManifest;
        if (MediaTypes.IsIndex(kind) ? document.Manifests is null : !MediaTypes.IsManifest(kind) || document.Config is null || document.Layers is null)
        {
            throw new ImageException(MediaTypes.IsIndex(kind) ? $"{where}: the index lists no manifests."
                : MediaTypes.IsManifest(kind) ? $"{where}: the manifest has no {(document.Config is null ? "config" : "layers")}."
                : $"{where}: the manifest has the type {kind}, which is no image's.");
        }

        return (document.Manifests ?? document.Layers)!.Any(entry => entry is null)
            ? throw new ImageException($"{where}: the manifest has an entry that is null.")
            : document with { Kind = kind };
    }

    /// <summary>Checks that a manifest is an image's, with layers that can be had and unpacked.</summary>
    /// <exception cref="ImageException">It is another artifact's, or has a layer that is not.</exception>
    public void CheckImage(string where)
    {
        Config!.Check(where, "the config");
        if (!MediaTypes.IsConfig(Config.MediaType))
        {
            throw new ImageException($"{where}: this is no image but an artifact of the type {ArtifactType ?? Config.MediaType ?? "unknown"}.");
        }

        for (int i = 0; i < Layers!.Count; i++)
        {
            Descriptor layer = Layers[i].Check(where, $"layer {i + 1}");
            if (layer.Urls is { Count: > 0 } urls)
            {
                throw new ImageException($"{where}: layer {i + 1} ({layer.Digest}) is a foreign layer: it is not with the image but has to be fetched from {urls[0]}.",
                    "Addresses that an image names are not followed. Copy the image with all of its layers.");
            }

            if (!MediaTypes.IsLayer(layer.MediaType))
            {
                throw new ImageException($"{where}: layer {i + 1} has the type {layer.MediaType ?? "null"}, which is no layer that can be unpacked.", "A layer is a tar: plain, or compressed with gzip or zstd, and not encrypted.");
            }
        }
    }
}

/// <summary>The oci-layout file of an OCI image layout.</summary>
internal sealed record LayoutDocument([property: JsonPropertyName("imageLayoutVersion")] string? Version);

[JsonSerializable(typeof(ManifestDocument))]
[JsonSerializable(typeof(LayoutDocument))]
internal sealed partial class ManifestJson : JsonSerializerContext;
