using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Containers.Images.Manifests;

namespace Containers.Images.Building;

/// <summary>The JSON documents of an image that was built, member by member, so that their bytes never depend on anything else.</summary>
internal static class BuiltDocuments
{
    /// <summary>Who makes layers here.</summary>
    public const string CreatedBy = "Containers.ImageBuilder";

    /// <summary>The mark of a layout, oci-layout (OCI image spec, image-layout.md).</summary>
    public static byte[] OciLayout { get; } = """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray();

    /// <summary>The image's config (OCI image spec, config.md).</summary>
    public static byte[] Config(ImageConfig config, IEnumerable<string> diffIds, DateTimeOffset time) => Write(json =>
    {
        string created = time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        json.WriteString("created", created);
        json.WriteString("architecture", config.Architecture);
        json.WriteString("os", config.Os);
        json.WriteStartObject("config");
        Text(json, "User", config.User);
        List(json, "Env", config.Env);
        List(json, "Entrypoint", config.Entrypoint);
        List(json, "Cmd", config.Cmd);
        Text(json, "WorkingDir", config.WorkingDir);
        Text(json, "StopSignal", config.StopSignal);
        if (config.Labels.Count > 0)
        {
            json.WriteStartObject("Labels");
            foreach ((string name, string value) in config.Labels.OrderBy(label => label.Key, StringComparer.Ordinal))
            {
                json.WriteString(name, value);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteStartObject("rootfs");
        json.WriteString("type", "layers");
        List(json, "diff_ids", [.. diffIds]);
        json.WriteEndObject();
        json.WriteStartArray("history");
        foreach (string _ in diffIds)
        {
            json.WriteStartObject();
            json.WriteString("created", created);
            json.WriteString("created_by", CreatedBy);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    /// <summary>Docker's manifest.json.</summary>
    public static byte[] DockerManifest(string config, IReadOnlyList<string> tags, IReadOnlyList<string> layers) => Write(json =>
    {
        json.WriteString("Config", config);
        List(json, "RepoTags", tags, always: true);
        List(json, "Layers", layers, always: true);
    }, inArray: true);

    /// <summary>The OCI manifest (OCI image spec, manifest.md).</summary>
    public static byte[] OciManifest(string config, long configSize, IEnumerable<(string MediaType, string Digest, long Size)> layers) => Write(json =>
    {
        json.WriteNumber("schemaVersion", 2);
        json.WriteString("mediaType", MediaTypes.OciManifest);
        json.WriteStartObject("config");
        Descriptor(json, MediaTypes.OciConfig, config, configSize);
        json.WriteEndObject();
        json.WriteStartArray("layers");
        foreach ((string mediaType, string digest, long size) in layers)
        {
            json.WriteStartObject();
            Descriptor(json, mediaType, digest, size);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    /// <summary>The OCI layout's index.json (OCI image spec, image-layout.md).</summary>
    public static byte[] OciIndex(string manifest, long manifestSize, string? tag) => Write(json =>
    {
        json.WriteNumber("schemaVersion", 2);
        json.WriteString("mediaType", MediaTypes.OciIndex);
        json.WriteStartArray("manifests");
        json.WriteStartObject();
        Descriptor(json, MediaTypes.OciManifest, manifest, manifestSize);
        if (tag is not null)
        {
            json.WriteStartObject("annotations");
            json.WriteString(Manifests.Descriptor.ContainerdName, ImageName.Normalize(tag));
            json.WriteString(Manifests.Descriptor.RefName, tag[(tag.LastIndexOf(':') + 1)..]);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndArray();
    });

    private static void Descriptor(Utf8JsonWriter json, string mediaType, string digest, long size)
    {
        json.WriteString("mediaType", mediaType);
        json.WriteString("digest", digest);
        json.WriteNumber("size", size);
    }

    private static void Text(Utf8JsonWriter json, string name, string value)
    {
        if (value.Length > 0)
        {
            json.WriteString(name, value);
        }
    }

    private static void List(Utf8JsonWriter json, string name, IReadOnlyList<string> values, bool always = false)
    {
        if (values.Count == 0 && !always)
        {
            return;
        }

        json.WriteStartArray(name);
        foreach (string value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }

    /// <summary>The bytes of a document that was changed.</summary>
    public static byte[] Bytes(JsonNode document) => WriteBytes(json => document.WriteTo(json));

    private static byte[] Write(Action<Utf8JsonWriter> members, bool inArray = false) => WriteBytes(json =>
    {
        if (inArray)
        {
            json.WriteStartArray();
        }

        json.WriteStartObject();
        members(json);
        json.WriteEndObject();
        if (inArray)
        {
            json.WriteEndArray();
        }
    });

    private static byte[] WriteBytes(Action<Utf8JsonWriter> write)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            write(json);
        }

        return stream.ToArray();
    }
}
