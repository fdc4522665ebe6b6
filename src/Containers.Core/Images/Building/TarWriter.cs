using System.Globalization;
using System.Text;

namespace Containers.Images.Building;

/// <summary>
/// Writes a tar of which every byte follows from what is put in: POSIX ustar, with a pax header where a name, a size or an
/// attribute does not fit (pax(1), "Extended header").
/// </summary>
internal sealed class TarWriter(Stream output, DateTimeOffset time)
{
    private const int Block = 512;
    private const long LargestOctal = 0x1_FFFF_FFFF; // eleven octal digits

    private readonly long _seconds = time.ToUnixTimeSeconds();

    public void Write(string path, TreeEntry entry)
    {
        switch (entry.Kind)
        {
            case TreeEntryKind.Directory:
                Header(path + "/", '5', entry.Mode, 0, "", null);
                break;
            case TreeEntryKind.SymbolicLink:
                Header(path, '2', entry.Mode, 0, entry.Target!, null);
                break;
            default:
                using (Stream content = entry.HostPath is null ? new MemoryStream(entry.Content!) : File.OpenRead(entry.HostPath))
                {
                    WriteFile(path, content, entry.Mode, entry.Capability);
                }

                break;
        }
    }

    /// <summary>Writes a file whose content is as long as the stream says.</summary>
    public void WriteFile(string path, Stream content, uint mode, byte[]? capability = null)
    {
        long size = content.Length;
        Header(path, '0', mode, size, "", capability);
        content.CopyTo(output);
        if (content.Position != size)
        {
            throw new ImageException($"The file for \"{path}\" changed while it was read.");
        }

        Pad(size);
    }

    /// <summary>Two empty blocks end a tar.</summary>
    public void Finish() => output.Write(new byte[2 * Block]);

    private void Header(string path, char type, uint mode, long size, string target, byte[]? capability)
    {
        List<byte> extended = [];
        (string prefix, string name)? split = Split(path);
        if (split is null)
        {
            AddRecord(extended, "path", Encoding.UTF8.GetBytes(path));
        }

        bool targetFits = target.Length <= 100 && Ascii.IsValid(target);
        if (!targetFits)
        {
            AddRecord(extended, "linkpath", Encoding.UTF8.GetBytes(target));
        }

        if (size > LargestOctal)
        {
            AddRecord(extended, "size", Encoding.ASCII.GetBytes(size.ToString(CultureInfo.InvariantCulture)));
        }

        if (_seconds is < 0 or > LargestOctal)
        {
            AddRecord(extended, "mtime", Encoding.ASCII.GetBytes(_seconds.ToString(CultureInfo.InvariantCulture)));
        }

        if (capability is not null)
        {
            AddRecord(extended, "SCHILY.xattr.security.capability", capability);
        }

        if (extended.Count > 0)
        {
            HeaderBlock(("", "PaxHeaders"), 'x', 0x1A4 /* 0644 */, extended.Count, "");
            output.Write(extended.ToArray());
            Pad(extended.Count);
        }

        HeaderBlock(split ?? ("", "long"), type, mode, size > LargestOctal ? 0 : size, targetFits ? target : "");
    }

    private void HeaderBlock((string Prefix, string Name) path, char type, uint mode, long size, string target)
    {
        Span<byte> block = stackalloc byte[Block];
        block.Clear();
        Encoding.ASCII.GetBytes(path.Name, block[..100]);
        Octal(block[100..108], mode);
        Octal(block[108..116], 0); // uid
        Octal(block[116..124], 0); // gid
        Octal(block[124..136], size);
        Octal(block[136..148], _seconds is < 0 or > LargestOctal ? 0 : _seconds);
        block[156] = (byte)type;
        Encoding.ASCII.GetBytes(target, block[157..257]);
        "ustar\0"u8.CopyTo(block[257..]);
        "00"u8.CopyTo(block[263..]);
        Octal(block[329..337], 0); // device numbers
        Octal(block[337..345], 0);
        Encoding.ASCII.GetBytes(path.Prefix, block[345..500]);

        block[148..156].Fill((byte)' '); // the checksum counts itself as blanks
        int sum = 0;
        foreach (byte value in block)
        {
            sum += value;
        }

        Octal(block[148..155], sum);
        output.Write(block);
    }

    /// <summary>Digits and a NUL, as wide as the field.</summary>
    private static void Octal(Span<byte> field, long value)
    {
        for (int i = field.Length - 2; i >= 0; i--)
        {
            field[i] = (byte)('0' + (value & 7));
            value >>= 3;
        }

        field[^1] = 0;
    }

    /// <summary>Splits a path at a slash into the prefix of at most 155 bytes and the name of at most 100; null when it cannot be.</summary>
    private static (string Prefix, string Name)? Split(string path)
    {
        if (!Ascii.IsValid(path))
        {
            return null;
        }

        if (path.Length <= 100)
        {
            return ("", path);
        }

        int slash = path.IndexOf('/', path.Length - 101);
        return slash is > 0 and <= 155 && slash < path.Length - 1 ? (path[..slash], path[(slash + 1)..]) : null;
    }

    /// <summary>"LENGTH KEY=VALUE\n", where the length counts itself.</summary>
    private static void AddRecord(List<byte> records, string key, byte[] value)
    {
        int rest = key.Length + value.Length + 3; // the blank, the equals sign, the newline
        int length = rest + 1;
        while (length != rest + length.ToString(CultureInfo.InvariantCulture).Length)
        {
            length = rest + length.ToString(CultureInfo.InvariantCulture).Length;
        }

        records.AddRange(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{length} {key}=")));
        records.AddRange(value);
        records.Add((byte)'\n');
    }

    private void Pad(long size)
    {
        int rest = (int)(size % Block);
        if (rest > 0)
        {
            output.Write(new byte[Block - rest]);
        }
    }
}
