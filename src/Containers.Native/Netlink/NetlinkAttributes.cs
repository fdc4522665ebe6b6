using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Containers.Native.Netlink;

/// <summary>Attributes of a message, one after the other: <c>foreach (NetlinkAttribute attribute in new NetlinkAttributes(bytes))</c>.</summary>
internal ref struct NetlinkAttributes(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public NetlinkAttribute Current { get; private set; }

    public readonly NetlinkAttributes GetEnumerator() => this;

    public bool MoveNext()
    {
        if (_rest.Length < 4)
        {
            return false;
        }

        int length = MemoryMarshal.Read<ushort>(_rest);
        if (length < 4 || length > _rest.Length)
        {
            throw new InvalidDataException($"A netlink attribute says it has {length} bytes, where {_rest.Length} are left.");
        }

        Current = new NetlinkAttribute((ushort)(MemoryMarshal.Read<ushort>(_rest[2..]) & NetlinkMessages.NLA_TYPE_MASK), _rest[4..length]);
        _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
        return true;
    }

    /// <summary>The value of the first attribute of a type; empty when there is none.</summary>
    public static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> attributes, ushort type)
    {
        foreach (NetlinkAttribute attribute in new NetlinkAttributes(attributes))
        {
            if (attribute.Type == type)
            {
                return attribute.Value;
            }
        }

        return [];
    }
}

/// <summary>One attribute: what it is, and its bytes.</summary>
internal readonly ref struct NetlinkAttribute(ushort type, ReadOnlySpan<byte> value)
{
    public ushort Type { get; } = type;

    public ReadOnlySpan<byte> Value { get; } = value;

    /// <summary>The attributes it holds.</summary>
    public NetlinkAttributes Nested => new(Value);

    public byte U8 => Value[0];

    public ushort U16 => MemoryMarshal.Read<ushort>(Value);

    public uint U32 => MemoryMarshal.Read<uint>(Value);

    public int I32 => MemoryMarshal.Read<int>(Value);

    public ulong U64 => MemoryMarshal.Read<ulong>(Value);

    public ushort U16BigEndian => BinaryPrimitives.ReadUInt16BigEndian(Value);

    public uint U32BigEndian => BinaryPrimitives.ReadUInt32BigEndian(Value);

    public ulong U64BigEndian => BinaryPrimitives.ReadUInt64BigEndian(Value);

    /// <summary>A text, up to the zero that ends it.</summary>
    public string Text
    {
        get
        {
            int end = Value.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
        }
    }
}
