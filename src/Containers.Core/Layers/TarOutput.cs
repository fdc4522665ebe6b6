using System.Globalization;
using System.Text;
using Containers.Native;

namespace Containers.Layers;

/// <summary>What one entry of a tar is to say.</summary>
internal sealed record TarOutputEntry(byte[] Path, char Type)
{
    public uint Mode { get; init; }

    public uint Owner { get; init; }

    public uint Group { get; init; }

    public long Size { get; init; }

    public Kernel.statx_timestamp Modified { get; init; }

    /// <summary>Of a link.</summary>
    public byte[] Target { get; init; } = [];

    public (uint Major, uint Minor) Device { get; init; }

    public IReadOnlyDictionary<string, byte[]> Attributes { get; init; } = new SortedDictionary<string, byte[]>();
}

/// <summary>
/// Writes a tar that loses nothing: POSIX ustar, and a pax header for what does not fit into it, such as times to the nanosecond,
/// attributes and names of any bytes (pax(1), "pax Extended Header"). The same entries give the same bytes.
/// </summary>
/// <param name="output">Where to.</param>
/// <param name="headerTime">The time of pax headers, which says nothing.</param>
internal sealed class TarOutput(Stream output, Kernel.statx_timestamp headerTime = default)
{
    public const char File = '0', HardLink = '1', SymbolicLink = '2', CharacterDevice = '3', BlockDevice = '4', Directory = '5', Fifo = '6';

    private const int Block = 512;
    private const long LargestId = 0x1F_FFFF, LargestNumber = 0x1_FFFF_FFFF; // seven and eleven octal digits

    /// <summary>Writes an entry's headers; a file's content follows, and then <see cref="Pad"/>.</summary>
    public void Write(TarOutputEntry entry)
    {
        byte[] path = entry.Type == Directory ? [.. entry.Path, (byte)'/'] : entry.Path;
        List<byte> records = [];
        (byte[] Prefix, byte[] Name)? split = Split(path);
        AddIf(split is null, "path", path);
        bool targetFits = entry.Target.Length <= 100 && Ascii.IsValid(entry.Target);
        AddIf(!targetFits, "linkpath", entry.Target);
        AddNumberIf(entry.Size > LargestNumber, "size", entry.Size);
        AddNumberIf(entry.Owner > LargestId, "uid", entry.Owner);
        AddNumberIf(entry.Group > LargestId, "gid", entry.Group);
        bool timeFits = entry.Modified is { tv_nsec: 0, tv_sec: >= 0 and <= LargestNumber };
        AddIf(!timeFits, "mtime", Encoding.ASCII.GetBytes(Time(entry.Modified)));
        foreach ((string name, byte[] value) in entry.Attributes)
        {
            AddIf(true, "SCHILY.xattr." + name, value);
        }

        if (records.Count > 0)
        {
            Header(new TarOutputEntry([], 'x') { Mode = 0x1a4, Size = records.Count, Modified = headerTime }, [], "PaxHeaders"u8.ToArray(), []);
            output.Write(records.ToArray());
            Pad(records.Count);
        }

        (byte[] prefix, byte[] shortName) = split ?? ([], "long"u8.ToArray());
        Header(entry, prefix, shortName, targetFits ? entry.Target : []);

        void AddIf(bool condition, string key, byte[] value)
        {
            if (condition)
            {
                AddRecord(records, key, value);
            }
        }

        void AddNumberIf(bool condition, string key, long value) => AddIf(condition, key, Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>Fills up to a whole block.</summary>
    public void Pad(long size) => output.Write(new byte[(int)(-size & (Block - 1))]);

    /// <summary>Two empty blocks end a tar.</summary>
    public void Finish() => output.Write(new byte[2 * Block]);

    private void Header(TarOutputEntry entry, byte[] prefix, byte[] name, byte[] target)
    {
        byte[] block = new byte[Block];
        name.CopyTo(block, 0);
        Octal(block.AsSpan(100, 8), entry.Mode & 0xfff);
        Octal(block.AsSpan(108, 8), entry.Owner > LargestId ? 0 : entry.Owner);
        Octal(block.AsSpan(116, 8), entry.Group > LargestId ? 0 : entry.Group);
        Octal(block.AsSpan(124, 12), entry.Size > LargestNumber ? 0 : entry.Size);
        Octal(block.AsSpan(136, 12), entry.Modified.tv_sec is < 0 or > LargestNumber ? 0 : entry.Modified.tv_sec);
        block[156] = (byte)entry.Type;
        target.CopyTo(block, 157);
        "ustar\0"u8.CopyTo(block.AsSpan(257));
        "00"u8.CopyTo(block.AsSpan(263));
        Octal(block.AsSpan(329, 8), entry.Device.Major);
        Octal(block.AsSpan(337, 8), entry.Device.Minor);
        prefix.CopyTo(block, 345);
        block.AsSpan(148, 8).Fill((byte)' '); // the checksum counts itself as blanks
        Octal(block.AsSpan(148, 7), block.Sum(value => (long)value));
        output.Write(block);
    }

    private static void Octal(Span<byte> field, long value)
    {
        for (int i = field.Length - 2; i >= 0; i--, value >>= 3)
        {
            field[i] = (byte)('0' + (value & 7));
        }

        field[^1] = 0;
    }

    // Seconds and a fraction without zeros at its end; before 1970 the fraction counts downwards, as the whole number does.
    private static string Time(Kernel.statx_timestamp time)
    {
        decimal seconds = time.tv_sec + time.tv_nsec / 1_000_000_000m;
        return seconds.ToString("0.#########", CultureInfo.InvariantCulture);
    }

    // At a slash, into a prefix of at most 155 bytes and a name of at most 100.
    private static (byte[] Prefix, byte[] Name)? Split(byte[] path)
    {
        if (!Ascii.IsValid(path))
        {
            return null;
        }

        if (path.Length <= 100)
        {
            return ([], path);
        }

        int slash = Array.IndexOf(path, (byte)'/', path.Length - 101);
        return slash is > 0 and <= 155 && slash < path.Length - 1 ? (path[..slash], path[(slash + 1)..]) : null;
    }

    // "LENGTH KEY=VALUE\n", where the length counts itself.
    private static void AddRecord(List<byte> records, string key, byte[] value)
    {
        byte[] keyBytes = Encoding.Latin1.GetBytes(key);
        int rest = keyBytes.Length + value.Length + 3;
        int length = rest + 1;
        while (length != rest + length.ToString(CultureInfo.InvariantCulture).Length)
        {
            length = rest + length.ToString(CultureInfo.InvariantCulture).Length;
        }

        records.AddRange(Encoding.ASCII.GetBytes(length.ToString(CultureInfo.InvariantCulture) + " "));
        records.AddRange(keyBytes);
        records.Add((byte)'=');
        records.AddRange(value);
        records.Add((byte)'\n');
    }
}
