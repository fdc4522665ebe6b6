using System.Globalization;
using System.Text.Json;

namespace Containers.Images.Archives;

/// <summary>A docker archive's manifest.json: which images it has, and the choice among them.</summary>
internal static class Manifest
{
    public const string FileName = "manifest.json";

    /// <summary>Reads one and checks that it can be worked with.</summary>
    /// <exception cref="ImageException">It cannot; the message begins with the archive.</exception>
    public static IReadOnlyList<ManifestEntry> Parse(byte[] json, string archive)
    {
        List<ManifestEntry>? entries;
        try
        {
            entries = JsonSerializer.Deserialize(json, ImageJson.Default.ListManifestEntry);
        }
        catch (JsonException exception)
        {
            throw new ImageException($"{archive}: {FileName} is not the JSON that it should be: {exception.Message}", innerException: exception);
        }

        if (entries is null or [])
        {
            throw new ImageException($"{archive}: {FileName} lists no image.");
        }

        for (int i = 0; i < entries.Count; i++)
        {
            ManifestEntry? entry = entries[i];
            string? missing = entry is null ? "everything" : entry.Config is null ? "Config" : entry.Layers is null ? "Layers" : null;
            if (missing is not null || entry!.Layers!.Any(layer => layer is null))
            {
                throw new ImageException(string.Create(CultureInfo.InvariantCulture, $"{archive}: {FileName}, image {i}: {missing ?? "a layer's name"} is missing."));
            }
        }

        return entries;
    }

    /// <summary>The image that a tag names, or the only one.</summary>
    /// <exception cref="ImageException">There is none, or several to choose from.</exception>
    public static ManifestEntry Choose(IReadOnlyList<ManifestEntry> entries, string? tag, string path)
    {
        string listed = string.Join(", ", entries.SelectMany(Tags).Distinct());
        string hint = listed.Length > 0 ? $"It has: {listed}." : "Its images have no names.";
        if (tag is not null)
        {
            return entries.FirstOrDefault(entry => Tags(entry).Any(candidate => ImageName.Same(candidate, tag)))
                ?? throw new ImageException($"docker-archive:{path} has no image named \"{tag}\".", hint);
        }

        return entries is [ManifestEntry only]
            ? only
            : throw new ImageException($"docker-archive:{path} has {entries.Count} images and the reference does not say which.",
                $"{hint} Write docker-archive:{path}:name:tag.");
    }

    /// <summary>The names that an image has in the archive.</summary>
    public static IEnumerable<string> Tags(ManifestEntry entry) => entry.RepoTags?.Where(tag => !string.IsNullOrEmpty(tag)) ?? [];
}
