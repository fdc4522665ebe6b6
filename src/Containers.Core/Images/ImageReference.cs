using System.Buffers;

namespace Containers.Images;

/// <summary>What kind of thing a reference names.</summary>
internal enum ImageTransport
{
    /// <summary>A path whose content decides.</summary>
    Any,

    /// <summary>A tar as `docker save` writes it.</summary>
    DockerArchive,

    /// <summary>A directory that is an OCI image layout.</summary>
    Oci,

    /// <summary>A tar of an OCI image layout.</summary>
    OciArchive,

    /// <summary>A directory as skopeo's dir: writes it: the manifest, and blobs by their digests.</summary>
    Dir,

    /// <summary>A directory or a tar that is a root file system, without a config.</summary>
    Rootfs,

    /// <summary>A name in a registry, which the store may know.</summary>
    Docker,
}

/// <summary>
/// A reference to an image, in the words that skopeo and podman use: <c>docker://NAME</c>, <c>docker-archive:PATH[:name[:tag]]</c>,
/// <c>oci:PATH[:tag]</c>, <c>oci-archive:PATH[:tag]</c>, <c>dir:PATH</c>, <c>rootfs:PATH</c>, a bare path, or a bare name.
/// </summary>
/// <remarks>
/// A bare text is a path when it begins with /, ./ or ../, or ends as the name of a tar does; all else is a name in a registry,
/// as it is for docker and podman. So a file in the current directory never changes what a name means.
/// </remarks>
/// <param name="Transport">What is said about what is there.</param>
/// <param name="Path">Where it is, absolute; empty for a name.</param>
/// <param name="Tag">Which image of an archive or layout; null when there is only one to choose.</param>
internal sealed record ImageReference(ImageTransport Transport, string Path, string? Tag)
{
    /// <summary>PATH_MAX, and some more for a name behind a path.</summary>
    private const int MaximumLength = 4096 + 512;

    private static readonly SearchValues<char> s_controls = SearchValues.Create([.. Enumerable.Range(1, 31).Select(c => (char)c), '\x7f']);

    private static readonly string[] s_archiveEndings = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz"];

    private const string Usage = "Write a name such as debian:12 or localhost:5000/app:1, docker-archive:PATH[:NAME], oci:PATH[:TAG], oci-archive:PATH[:TAG], dir:PATH, rootfs:PATH, or a path.";

    /// <summary>The name, where it is one in a registry.</summary>
    public ImageName? Name { get; init; }

    /// <exception cref="ImageException">The text is no reference that is understood.</exception>
    public static ImageReference Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is 0 or > MaximumLength || text.Contains('\0', StringComparison.Ordinal))
        {
            throw new ImageException(text.Length > MaximumLength ? $"An image reference has {text.Length} characters; {MaximumLength} are the most." : "An image reference is empty or has a NUL in it.", Usage);
        }

        if (IsPath(text))
        {
            return new(ImageTransport.Any, FullPath(text, text), null);
        }

        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string rest = text[(colon + 1)..];
        switch (colon < 0 ? "" : text[..colon])
        {
            case "docker" when rest.StartsWith("//", StringComparison.Ordinal): // "docker:28" is an image
                return Named(rest[2..]);
            case "docker-archive":
                return WithTag(ImageTransport.DockerArchive, rest, text);
            case "oci":
                return WithTag(ImageTransport.Oci, rest, text);
            case "oci-archive":
                return WithTag(ImageTransport.OciArchive, rest, text);
            case "dir":
                return new(ImageTransport.Dir, FullPath(rest, text), null);
            case "rootfs":
                return new(ImageTransport.Rootfs, FullPath(rest, text), null);
            case "docker-daemon" or "containers-storage":
                throw new ImageException($"Image reference \"{text}\": the transport {text[..colon]}: needs another engine's program, and is not read here.",
                    $"skopeo copy {text} oci-archive:image.tar makes a file of it that can be used.");
            case ['h', 't', 't', 'p', ..] when rest.StartsWith("//", StringComparison.Ordinal):
                throw new ImageException($"Image reference \"{text}\": an image in a registry is named without {text[..colon]}://.", "Write HOST[:PORT]/REPOSITORY[:TAG].");
            default:
                return Named(text);
        }

        ImageReference Named(string name) => new(ImageTransport.Docker, "", null) { Name = ImageName.Parse(name) };
    }

    private static bool IsPath(string text)
    {
        if (text.StartsWith('/') || text.StartsWith("./", StringComparison.Ordinal) || text.StartsWith("../", StringComparison.Ordinal))
        {
            return true;
        }

        // A transport's word before the colon says more than the ending.
        return Array.Exists(s_archiveEndings, ending => text.EndsWith(ending, StringComparison.Ordinal)) && text.IndexOf(':', StringComparison.Ordinal) < 0;
    }

    /// <summary>As in skopeo the path ends at the first colon: a name may have more of them, in a port or before the tag.</summary>
    private static ImageReference WithTag(ImageTransport transport, string rest, string text)
    {
        int colon = rest.IndexOf(':', StringComparison.Ordinal);
        string? tag = colon < 0 ? null : rest[(colon + 1)..];
        if (tag is not null && (tag.Length is 0 or > 512 || tag.AsSpan().IndexOfAny(s_controls) >= 0))
        {
            throw new ImageException($"Image reference \"{text}\": no name follows the path.", Usage);
        }

        return new(transport, FullPath(colon < 0 ? rest : rest[..colon], text), tag);
    }

    private static string FullPath(string path, string text) => path.Length > 0
        ? System.IO.Path.GetFullPath(path)
        : throw new ImageException($"Image reference \"{text}\": it names no path.", Usage);
}
