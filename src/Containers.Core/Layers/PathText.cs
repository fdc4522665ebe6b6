using System.Globalization;
using System.Text;

namespace Containers.Layers;

/// <summary>Names of an archive, which are any bytes, as text for messages and as paths below a root.</summary>
internal static class PathText
{
    private const int Longest = 200;

    /// <summary>Readable and on one line: what is not UTF-8, and control characters, are written as \xNN, and a very long name is cut.</summary>
    /// <param name="name">The bytes.</param>
    /// <param name="whole">Whether it is shown in full, however long it is.</param>
    public static string Show(ReadOnlySpan<byte> name, bool whole = false)
    {
        StringBuilder text = new();
        ReadOnlySpan<byte> rest = name;
        while (rest.Length > 0 && (whole || text.Length < Longest))
        {
            bool good = Rune.DecodeFromUtf8(rest, out Rune rune, out int used) == System.Buffers.OperationStatus.Done && !Rune.IsControl(rune);
            if (good)
            {
                text.Append(rune);
            }
            else
            {
                used = 1;
                text.Append(CultureInfo.InvariantCulture, $"\\x{rest[0]:x2}");
            }

            rest = rest[used..];
        }

        return rest.Length == 0 ? text.ToString() : text.Append(CultureInfo.InvariantCulture, $"… ({name.Length} bytes)").ToString();
    }

    /// <summary>
    /// Makes an archive's name a path below the root: a leading "/", "." and empty components go. Returns what is wrong
    /// with it, or null. ".." is refused even where it would stay inside: no tool writes it in good faith.
    /// </summary>
    public static string? Normalize(ReadOnlySpan<byte> name, ByteBuffer path)
    {
        path.Clear();
        if (name.Contains((byte)0))
        {
            return "has a NUL in its name";
        }

        foreach (Range range in name.Split((byte)'/'))
        {
            ReadOnlySpan<byte> component = name[range];
            if (component.IsEmpty || component.SequenceEqual("."u8))
            {
                continue;
            }

            if (component.SequenceEqual(".."u8))
            {
                return "has \"..\" in its name, which is refused";
            }

            if (path.Length > 0)
            {
                path.Append((byte)'/');
            }

            path.Append(component);
        }

        return null;
    }
}
