using System.Buffers;

namespace Containers.Images;

/// <summary>What kind of thing a reference names.</summary>
internal enum ImageTransport
{
    /// <summary>A path whose content decides.</summary>
    Any,

    /// <summary>A tar as `docker save` writes it.</summary>
    DockerArchive,

    /// <summary>A directory or a tar that is a root file system, without a config.</summary>
    Rootfs,
}

/// <summary>
/// A reference to an image, in the words that skopeo and podman use: <c>docker-archive:PATH[:name[:tag]]</c>,
/// <c>rootfs:PATH</c>, or a bare path.
/// </summary>
/// <param name="Transport">What is said about what is there.</param>
/// <param name="Path">Where it is, absolute.</param>
/// <param name="Tag">Which image of an archive; null when there is only one to choose.</param>
internal sealed record ImageReference(ImageTransport Transport, string Path, string? Tag)
{
    private static readonly SearchValues<char> s_transportLetters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private const string Usage = "Write docker-archive:PATH, docker-archive:PATH:name:tag, rootfs:PATH, or a path.";

    /// <exception cref="ImageException">The text is no reference that is understood.</exception>
    public static ImageReference Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0 || text.Contains('\0', StringComparison.Ordinal))
        {
            throw new ImageException("An image reference is empty or has a NUL in it.", Usage);
        }

        (string? transport, string rest) = SplitTransport(text);
        switch (transport)
        {
            case null:
                return new(ImageTransport.Any, FullPath(text, text), null);
            case "rootfs":
                return new(ImageTransport.Rootfs, FullPath(rest, text), null);
            case "docker-archive":
                // As in skopeo the path ends at the first colon: a name may have more of them, in a port or before the tag.
                int colon = rest.IndexOf(':', StringComparison.Ordinal);
                string? tag = colon < 0 ? null : rest[(colon + 1)..];
                if (tag is { Length: 0 })
                {
                    throw new ImageException($"Image reference \"{text}\": no name follows the path.", Usage);
                }

                return new(ImageTransport.DockerArchive, FullPath(colon < 0 ? rest : rest[..colon], text), tag);
            case "docker" or "docker-daemon" or "oci" or "oci-archive" or "dir" or "containers-storage" or "sif" or "ostree" or "http" or "https":
                throw new ImageException($"Image reference \"{text}\": the transport {transport}: is not supported yet.",
                    $"skopeo copy {text} docker-archive:image.tar makes a file of it that can be used here.");
            default:
                throw new ImageException($"Image reference \"{text}\": there is no transport {transport}:, and names in registries are not supported yet.",
                    $"{Usage} A path with a colon in it begins with / or ./.");
        }
    }

    /// <summary>The words before the first colon, when they can be a transport: a path has a slash or a dot there sooner or later.</summary>
    private static (string? Transport, string Remainder) SplitTransport(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 && text.AsSpan(0, colon).IndexOfAnyExcept(s_transportLetters) < 0
            ? (text[..colon], text[(colon + 1)..])
            : (null, text);
    }

    private static string FullPath(string path, string text) => path.Length > 0
        ? System.IO.Path.GetFullPath(path)
        : throw new ImageException($"Image reference \"{text}\": it names no path.", Usage);
}
