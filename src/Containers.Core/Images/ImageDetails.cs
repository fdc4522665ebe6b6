namespace Containers;

/// <summary>All that a store knows about an image.</summary>
public sealed record ImageDetails
{
    /// <summary>The image in short.</summary>
    public required ImageSummary Summary { get; init; }

    /// <summary>What it says about how it is run.</summary>
    public required ImageConfig Config { get; init; }

    /// <summary>The layers, lowest first.</summary>
    public required IReadOnlyList<ImageLayer> Layers { get; init; }

    /// <summary>How it was made, the first step first.</summary>
    public required IReadOnlyList<ImageHistory> History { get; init; }

    /// <summary>Who made it; empty where nothing is said.</summary>
    public string Author { get; init; } = "";

    /// <summary>The digest of the manifest that it was pulled by, <c>sha256:…</c>; null where it came without one.</summary>
    public string? ManifestDigest { get; init; }

    /// <summary>The manifest's media type.</summary>
    public string? ManifestMediaType { get; init; }

    /// <summary>The config's bytes, whose digest is the image's id.</summary>
    public required ReadOnlyMemory<byte> ConfigJson { get; init; }

    /// <summary>The manifest's bytes; empty where there is none.</summary>
    public ReadOnlyMemory<byte> ManifestJson { get; init; }
}
