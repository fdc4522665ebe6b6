using System.Globalization;
using System.Text.RegularExpressions;

namespace Containers.Images;

/// <summary>
/// The name of an image in a registry: <c>[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]</c>, by the grammar of the distribution
/// spec and with docker's short names: <c>debian:12</c> is <c>docker.io/library/debian:12</c>.
/// </summary>
/// <param name="Registry">The host, and its port where one is given, in lower case.</param>
/// <param name="Repository">The path within the registry.</param>
/// <param name="Tag">The tag; null only where there is a digest.</param>
/// <param name="Digest">The manifest's digest, which says more than the tag.</param>
internal sealed partial record ImageName(string Registry, string Repository, string? Tag, string? Digest)
{
    public const string DockerHub = "docker.io";

    /// <summary>The distribution spec's limit of a repository's name.</summary>
    private const int MaximumRepository = 255;

    private const string Usage = "An image's name is [HOST[:PORT]/]REPOSITORY[:TAG][@sha256:DIGEST], in lower case but for the tag; a path begins with / or ./.";

    /// <summary>Without tag and digest.</summary>
    public string Full => $"{Registry}/{Repository}";

    /// <summary>What the registry is asked for: the digest, or else the tag.</summary>
    public string Selector => Digest ?? Tag!;

    public override string ToString() => $"{Full}{(Tag is null ? "" : ":" + Tag)}{(Digest is null ? "" : "@" + Digest)}";

    /// <summary>Reads a name.</summary>
    /// <exception cref="ImageException">It is none.</exception>
    public static ImageName Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string rest = text;
        string? digest = null, tag = null;
        int at = rest.IndexOf('@', StringComparison.Ordinal);
        if (at >= 0)
        {
            digest = rest[(at + 1)..];
            rest = rest[..at];
            if (!Images.Digest.IsValid(digest))
            {
                throw Wrong(text, $"\"{digest}\" is no digest", "A digest is sha256: and 64 lower-case hexadecimal digits.");
            }
        }

        int colon = rest.LastIndexOf(':');
        if (colon > rest.LastIndexOf('/'))
        {
            tag = rest[(colon + 1)..];
            rest = rest[..colon];
            if (!TagPattern().IsMatch(tag))
            {
                throw Images.Digest.IsHex(tag) && rest == "sha256"
                    ? Wrong(text, "this is an image's id and no name", "In a registry an image is named REPOSITORY@sha256:DIGEST.")
                    : Wrong(text, $"\"{tag}\" is no tag", "A tag has up to 128 letters, digits, underscores, dots and hyphens, and begins with none of the last two.");
            }

            if (rest == "sha256" && Images.Digest.IsHex(tag))
            {
                throw Wrong(text, "this is an image's id and no name", "In a registry an image is named REPOSITORY@sha256:DIGEST.");
            }
        }

        (string registry, string repository) = Split(rest);
        Check(text, rest, registry, repository);
        return new ImageName(registry, repository, tag ?? (digest is null ? "latest" : null), digest);
    }

    /// <summary>Whether two names of images mean the same: docker saves <c>busybox:1.36</c> where podman and skopeo save <c>docker.io/library/busybox:1.36</c>.</summary>
    public static bool Same(string a, string b) => Normalize(a) == Normalize(b);

    /// <summary>Whether a text is a name at all.</summary>
    public static bool IsName(string text)
    {
        try
        {
            Parse(text);
            return true;
        }
        catch (ImageException)
        {
            return false;
        }
    }

    /// <summary>With registry and tag: <c>busybox</c> becomes <c>docker.io/library/busybox:latest</c>. What is no name in a registry comes back as some text all the same.</summary>
    public static string Normalize(string name)
    {
        (string registry, string repository) = Split(name);
        string full = $"{registry}/{repository}";
        return full.AsSpan(full.LastIndexOf('/') + 1).ContainsAny(':', '@') ? full : full + ":latest";
    }

    private static (string Registry, string Repository) Split(string name)
    {
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        string first = slash < 0 ? "" : name[..slash];
        // The first part is a host when it looks like one: with a dot or a port, or localhost.
        bool hasHost = first.AsSpan().IndexOfAny('.', ':') >= 0 || first == "localhost";
        string registry = hasHost ? first.ToLowerInvariant() : DockerHub;
        string repository = hasHost ? name[(slash + 1)..] : name;
        registry = registry is "index.docker.io" or "registry-1.docker.io" ? DockerHub : registry;
        return (registry, registry == DockerHub && repository.Length > 0 && !repository.Contains('/', StringComparison.Ordinal) ? "library/" + repository : repository);
    }

    private static void Check(string text, string path, string registry, string repository)
    {
        if (repository.Length is 0 or > MaximumRepository)
        {
            throw repository.Length == 0 ? Wrong(text, "no repository is named") : Wrong(text, string.Create(CultureInfo.InvariantCulture, $"the repository's name has {repository.Length} characters, and {MaximumRepository} are the most"));
        }

        if (!HostPattern().IsMatch(registry) || registry.Length > 255 + 6)
        {
            throw Wrong(text, $"\"{registry}\" is no host name");
        }

        int colon = registry.EndsWith(']') ? -1 : registry.LastIndexOf(':');
        if (colon >= 0 && (!ushort.TryParse(registry.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0))
        {
            throw Wrong(text, $"\"{registry[(colon + 1)..]}\" is no port");
        }

        if (!RepositoryPattern().IsMatch(repository))
        {
            throw repository.Any(char.IsUpper)
                ? Wrong(text, "the repository's name has upper-case letters", $"Did you mean {text.Replace(path, path.ToLowerInvariant(), StringComparison.Ordinal)}?")
                : Wrong(text, $"\"{repository}\" is no repository's name");
        }
    }

    private static ImageException Wrong(string text, string what, string hint = Usage) => new($"Image name \"{text}\": {what}.", hint);

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\z", RegexOptions.CultureInvariant)]
    private static partial Regex TagPattern();

    [GeneratedRegex(@"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex RepositoryPattern();

    [GeneratedRegex(@"^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)(?::[0-9]{1,5})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex HostPattern();
}
