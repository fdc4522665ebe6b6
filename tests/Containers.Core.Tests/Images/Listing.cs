namespace Containers.Tests.Images;

/// <summary>Trees as text, to compare them.</summary>
internal static class Listing
{
    /// <summary>Everything about each entry: type, mode, owner, size, time, target, extended attributes, content.</summary>
    public static string Of(string directory) => Tool.Bash($$"""
        cd '{{directory}}'
        find . -mindepth 1 \( -type d -printf '%P d %m %U %G %T@\n' \) -o \( -type l -printf '%P l %U %G %l\n' \) -o -printf '%P %y %m %U %G %s %T@ %n\n' | LC_ALL=C sort
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
        getfattr -Rhd -m '^(user|security)' -e hex . | sed 's/^# file: //' | grep -v '^$' || true
        """);

    /// <summary>Names only.</summary>
    public static string[] Names(string directory)
        => [.. Tool.Bash($"cd '{directory}'; find . -mindepth 1 -printf '%P\\n' | LC_ALL=C sort").Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>A store's files and directories; what is only remembered about files (sources) is left out.</summary>
    public static string OfStore(string store)
        => Directory.Exists(store) ? Tool.Bash($"cd '{store}'; find . -path ./sources/\\* -prune -o -printf '%P %y %m %s\\n' | sed 's/^\\(\\S* d [0-7]*\\) .*/\\1/' | LC_ALL=C sort") : "";
}
