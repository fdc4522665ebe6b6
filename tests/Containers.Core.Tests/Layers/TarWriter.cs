using System.Globalization;
using System.Text;

namespace Containers.Tests.Layers;

/// <summary>Writes tars as they should be and as they should not: every field can be given, and changed before the checksum is made.</summary>
internal sealed class TarWriter
{
    private readonly List<byte> _bytes = [];

    public static byte[] Latin1(string text) => Encoding.Latin1.GetBytes(text);

    /// <summary>An entry of ustar format. Strings are Latin-1: a character is a byte.</summary>
    public TarWriter Add(string name, char type = '0', string data = "", string link = "", string mode = "0000644", string uid = "0000000", string gid = "0000000",
        string? size = null, string mtime = "00000000000", string major = "0000000", string minor = "0000000", string prefix = "", string magic = "ustar\000",
        Action<byte[]>? change = null, Action<byte[]>? changeAfterChecksum = null)
        => Add(name, Latin1(data), type, link, mode, uid, gid, size, mtime, major, minor, prefix, magic, change, changeAfterChecksum);

    public TarWriter Add(string name, byte[] data, char type = '0', string link = "", string mode = "0000644", string uid = "0000000", string gid = "0000000",
        string? size = null, string mtime = "00000000000", string major = "0000000", string minor = "0000000", string prefix = "", string magic = "ustar\000",
        Action<byte[]>? change = null, Action<byte[]>? changeAfterChecksum = null)
    {
        byte[] header = new byte[512];
        Put(header, 0, 100, name);
        Put(header, 100, 8, mode);
        Put(header, 108, 8, uid);
        Put(header, 116, 8, gid);
        Put(header, 124, 12, size ?? Convert.ToString(data.Length, 8).PadLeft(11, '0'));
        Put(header, 136, 12, mtime);
        header[156] = (byte)type;
        Put(header, 157, 100, link);
        Put(header, 257, 8, magic);
        Put(header, 329, 8, major);
        Put(header, 337, 8, minor);
        Put(header, 345, 155, prefix);
        change?.Invoke(header);
        Checksum(header);
        changeAfterChecksum?.Invoke(header);
        return Raw(header).Padded(data);
    }

    public TarWriter Directory(string name, string mode = "0000755", string mtime = "00000000000") => Add(name, '5', mode: mode, mtime: mtime);

    public TarWriter Symlink(string name, string target) => Add(name, '2', link: target, mode: "0000777");

    public TarWriter Hardlink(string name, string target) => Add(name, '1', link: target);

    /// <summary>A pax header with records of the right lengths.</summary>
    public TarWriter Pax(params (string Key, string Value)[] records) => Pax('x', records);

    public TarWriter Pax(char type, params (string Key, string Value)[] records) => RawPax(string.Concat(records.Select(record => Record(record.Key, record.Value))), type);

    public TarWriter RawPax(string records, char type = 'x') => Add("PaxHeaders/x", records: records, type: type);

    private TarWriter Add(string name, string records, char type) => Add(name, Latin1(records), type);

    public TarWriter LongName(string name, char type = 'L') => Add("././@LongLink", Latin1(name + "\0"), type, magic: "ustar  \0");

    public TarWriter Raw(byte[] bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public TarWriter Padded(byte[] data) => Raw(data).Raw(new byte[-data.Length & 511]);

    /// <summary>The archive with its end.</summary>
    public byte[] End(int zeroBlocks = 2) => [.. _bytes, .. new byte[512 * zeroBlocks]];

    public static string Record(string key, string value)
    {
        string rest = $" {key}={value}\n";
        int length = rest.Length + 1;
        while (length.ToString(CultureInfo.InvariantCulture).Length + rest.Length != length)
        {
            length = length.ToString(CultureInfo.InvariantCulture).Length + rest.Length;
        }

        return length.ToString(CultureInfo.InvariantCulture) + rest;
    }

    public static void Checksum(byte[] header)
    {
        header.AsSpan(148, 8).Fill((byte)' ');
        Put(header, 148, 8, Convert.ToString(header.Sum(value => value), 8).PadLeft(6, '0') + "\0 ");
    }

    public static void Put(byte[] header, int offset, int length, string text)
    {
        header.AsSpan(offset, length).Clear();
        Latin1(text).AsSpan(0, Math.Min(length, text.Length)).CopyTo(header.AsSpan(offset));
    }
}
