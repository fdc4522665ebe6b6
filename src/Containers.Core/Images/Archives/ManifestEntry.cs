using System.Text.Json.Serialization;

namespace Containers.Images.Archives;

/// <summary>One image in a docker archive's manifest.json.</summary>
/// <param name="Config">The config's name in the archive.</param>
/// <param name="RepoTags">Names of the image; null or empty when it has none.</param>
/// <param name="Layers">The layers' names in the archive, lowest first.</param>
internal sealed record ManifestEntry(string? Config, IReadOnlyList<string>? RepoTags, IReadOnlyList<string>? Layers);

/// <summary>An image's config, as far as it is read: the parts that the OCI image spec and docker have in common.</summary>
internal sealed record ConfigDocument
{
    [JsonPropertyName("architecture")]
    public string? Architecture { get; init; }

    [JsonPropertyName("os")]
    public string? Os { get; init; }

    [JsonPropertyName("variant")]
    public string? Variant { get; init; }

    [JsonPropertyName("created")]
    public string? Created { get; init; }

    [JsonPropertyName("author")]
    public string? Author { get; init; }

    [JsonPropertyName("config")]
    public RunDocument? Config { get; init; }

    [JsonPropertyName("rootfs")]
    public RootfsDocument? Rootfs { get; init; }

    [JsonPropertyName("history")]
    public IReadOnlyList<HistoryDocument>? History { get; init; }

    /// <summary>How it is run. These names begin with capitals, as Go writes a structure's fields.</summary>
    internal sealed record RunDocument
    {
        public IReadOnlyList<string>? Entrypoint { get; init; }

        public IReadOnlyList<string>? Cmd { get; init; }

        public IReadOnlyList<string>? Env { get; init; }

        public string? WorkingDir { get; init; }

        public string? User { get; init; }

        public string? StopSignal { get; init; }

        public Dictionary<string, string>? Labels { get; init; }

        public Dictionary<string, Empty?>? ExposedPorts { get; init; }

        public Dictionary<string, Empty?>? Volumes { get; init; }
    }

    /// <summary>The empty object that Go's sets have as values.</summary>
    internal sealed record Empty;

    internal sealed record RootfsDocument([property: JsonPropertyName("diff_ids")] IReadOnlyList<string>? DiffIds);

    internal sealed record HistoryDocument(
        [property: JsonPropertyName("created_by")] string? CreatedBy,
        [property: JsonPropertyName("created")] string? Created,
        [property: JsonPropertyName("author")] string? Author,
        [property: JsonPropertyName("comment")] string? Comment,
        [property: JsonPropertyName("empty_layer")] bool EmptyLayer);
}

[JsonSerializable(typeof(List<ManifestEntry>))]
[JsonSerializable(typeof(ConfigDocument))]
internal sealed partial class ImageJson : JsonSerializerContext;
