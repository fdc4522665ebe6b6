using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;

namespace Containers.Native.Netlink;

/// <summary>
/// What a part of a key or a value is. The kernel compares bytes and wants to know lengths only; the type's number is kept
/// for those who list sets, and has to be the one that nft(8) knows (its "datatype").
/// </summary>
internal sealed record NfField(string Name, uint Type, int Length)
{
    public static readonly NfField Ipv4Addr = new("ipv4_addr", 7, 4);
    public static readonly NfField Ipv6Addr = new("ipv6_addr", 8, 16);
    public static readonly NfField InetProto = new("inet_proto", 12, 1);
    public static readonly NfField InetService = new("inet_service", 13, 2);
    public static readonly NfField Ifname = new("ifname", 41, 16);

    /// <summary>Its length in a concatenation: each part begins at a register.</summary>
    public int Padded => (Length + 3) & ~3;

    /// <summary>nft's enum byteorder: the host's own for names, which it holds as numbers of 128 bits; the network's for all else.</summary>
    public uint ByteOrder => Type == 41 ? 1u : 2;

    /// <summary>Its value as nft writes it.</summary>
    public string Text(ReadOnlySpan<byte> value) => Type switch
    {
        7 or 8 => new IPAddress(value[..Length]).ToString(),
        12 => value[0] switch { 6 => "tcp", 17 => "udp", byte other => other.ToString(CultureInfo.InvariantCulture) },
        13 => BinaryPrimitives.ReadUInt16BigEndian(value).ToString(CultureInfo.InvariantCulture),
        _ => $"\"{NameOf(value)}\"",
    };

    /// <summary>The name of a link, without the zeros behind it.</summary>
    public static string NameOf(ReadOnlySpan<byte> value) => Encoding.UTF8.GetString(value[..16]).TrimEnd('\0');
}

/// <summary>A set, or with data a map: what nf_tables looks keys up in.</summary>
internal sealed record NfSet(string Name, IReadOnlyList<NfField> Key, IReadOnlyList<NfField>? Data = null)
{
    /// <summary>As it stands in "add set": <c>type inet_proto . inet_service : ipv4_addr . inet_service;</c></summary>
    public string TypeText => $"type {Names(Key)}{(Data is null ? "" : $" : {Names(Data)}")};";

    /// <summary>An element as nft writes it.</summary>
    public string Text(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data)
        => Data is null ? Text(Key, key) : $"{Text(Key, key)} : {Text(Data, data)}";

    public string KeyText(ReadOnlySpan<byte> key) => Text(Key, key);

    /// <summary>A concatenation's type is the types of its parts, six bits each, the last one lowest.</summary>
    public static uint TypeOf(IReadOnlyList<NfField> fields) => fields.Aggregate(0u, (type, field) => (type << 6) | field.Type);

    /// <summary>One part has its own length; several are padded to registers.</summary>
    public static int LengthOf(IReadOnlyList<NfField> fields) => fields.Count == 1 ? fields[0].Length : fields.Sum(field => field.Padded);

    private static string Names(IReadOnlyList<NfField> fields) => string.Join(" . ", fields.Select(field => field.Name));

    private static string Text(IReadOnlyList<NfField> fields, ReadOnlySpan<byte> value)
    {
        StringBuilder text = new();
        foreach (NfField field in fields)
        {
            text.Append(text.Length == 0 ? "" : " . ").Append(field.Text(value));
            value = value[Math.Min(field.Padded, value.Length)..];
        }

        return text.ToString();
    }
}

/// <summary>
/// The bytes of a key or a value, part after part: <c>NfValue.Of(stackalloc byte[64]).Protocol(6).Port(80)</c>. A value of
/// one part has no padding behind it.
/// </summary>
internal ref struct NfValue
{
    /// <summary>NFT_DATA_VALUE_MAXLEN.</summary>
    public const int MaxLength = 64;

    private readonly Span<byte> _buffer;
    private int _start, _length;

    private NfValue(Span<byte> buffer) => _buffer = buffer;

    public readonly ReadOnlySpan<byte> Bytes => _start == 0 ? _buffer[.._length] : _buffer[..((_length + 3) & ~3)];

    public static implicit operator ReadOnlySpan<byte>(NfValue value) => value.Bytes;

    /// <param name="buffer">Of <see cref="MaxLength"/> bytes.</param>
    public static NfValue Of(Span<byte> buffer)
    {
        buffer.Clear();
        return new NfValue(buffer);
    }

    public NfValue Address(IPAddress address)
    {
        address.TryWriteBytes(Next(), out int length);
        _length += length;
        return this;
    }

    public NfValue Protocol(byte protocol)
    {
        Next()[0] = protocol;
        _length += 1;
        return this;
    }

    public NfValue Port(ushort port)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Next(), port);
        _length += 2;
        return this;
    }

    /// <summary>The name of a link: always 16 bytes, IFNAMSIZ.</summary>
    /// <exception cref="ArgumentException">It is longer than the 15 bytes that fit before the zero.</exception>
    public NfValue Name(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) > 15)
        {
            throw new ArgumentException($"A link's name has at most 15 bytes; {name} has more.", nameof(name));
        }

        Encoding.UTF8.GetBytes(name, Next()[..16]);
        _length += 16;
        return this;
    }

    private Span<byte> Next()
    {
        _start = _length = (_length + 3) & ~3;
        return _buffer[_start..];
    }
}
