using System.Globalization;

namespace Containers.Resources;

/// <summary>Files of cgroups, "flat keyed": a name and a number on each line.</summary>
internal static class Keyed
{
    /// <returns>Null when there is no such line.</returns>
    public static long? Value(string text, string key)
    {
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (line.Length > key.Length && line[key.Length] is ' ' or '=' && line.StartsWith(key))
            {
                return Number(line[(key.Length + 1)..]);
            }
        }

        return null;
    }

    /// <returns>Null for "max", and for what is larger than a number can be here: no limit.</returns>
    public static long? Number(ReadOnlySpan<char> text) => long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
}
