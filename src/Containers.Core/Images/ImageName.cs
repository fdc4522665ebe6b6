using System.Text.RegularExpressions;

namespace Containers.Images;

/// <summary>
/// Names of images as archives write them: docker saves <c>busybox:1.36</c> where podman and skopeo save
/// <c>docker.io/library/busybox:1.36</c>, and both mean one thing.
/// </summary>
internal static partial class ImageName
{
    public static bool Same(string a, string b) => Normalize(a) == Normalize(b);

    /// <summary>Whether a text is a name at all (distribution spec, "Pulling manifests").</summary>
    public static bool IsName(string text) => NamePattern().IsMatch(text);

    [GeneratedRegex(@"^(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();

    /// <summary>With registry and tag: <c>busybox</c> becomes <c>docker.io/library/busybox:latest</c>.</summary>
    public static string Normalize(string name)
    {
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        string first = slash < 0 ? "" : name[..slash];
        // The first part is a host when it looks like one: with a dot or a port, or localhost.
        bool hasHost = first.AsSpan().IndexOfAny('.', ':') >= 0 || first == "localhost";
        string full = hasHost ? name : $"docker.io/{name}";
        if (full.StartsWith("docker.io/", StringComparison.Ordinal) && full.IndexOf('/', "docker.io/".Length) < 0)
        {
            full = full.Insert("docker.io/".Length, "library/");
        }

        return full.AsSpan(full.LastIndexOf('/') + 1).Contains(':') ? full : full + ":latest";
    }
}
