using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Containers.Native.Netlink;

/// <summary>
/// Netlink messages written one behind the other into one buffer, to be sent in one go: a header of 16 bytes, the family's
/// own header, attributes of type and length that may hold attributes. netlink(7), linux/netlink.h.
/// </summary>
/// <remarks>The buffer is reused after <see cref="Clear"/>; writing allocates nothing, once it has grown to what is needed.</remarks>
internal sealed class NetlinkMessages
{
    public const ushort NLM_F_REQUEST = 1, NLM_F_ACK = 4, NLM_F_ECHO = 8;
    public const ushort NLM_F_REPLACE = 0x100, NLM_F_EXCL = 0x200, NLM_F_CREATE = 0x400, NLM_F_APPEND = 0x800;
    public const ushort NLM_F_ROOT = 0x100, NLM_F_MATCH = 0x200, NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH;
    public const ushort NLA_F_NESTED = 0x8000, NLA_TYPE_MASK = 0x3fff;

    private const int HeaderSize = 16;

    private readonly List<(int Offset, string Operation, string? Operand, Func<Errno, string?>? Hint)> _messages = [];
    private byte[] _buffer;
    private int _length;
    private int _message = -1;

    public NetlinkMessages(int capacity = 1024) => _buffer = new byte[capacity];

    /// <summary>How many messages there are.</summary>
    public int Count => _messages.Count;

    public ReadOnlySpan<byte> Bytes => _buffer.AsSpan(0, _length);

    /// <summary>What a message does, for its error.</summary>
    public (string Operation, string? Operand) Label(int index) => (_messages[index].Operation, _messages[index].Operand);

    /// <summary>What would help when a message is refused, as a sentence; null where it was begun without such words.</summary>
    public string? Hint(int index, Errno errno) => _messages[index].Hint?.Invoke(errno);

    public ushort Type(int index) => MemoryMarshal.Read<ushort>(_buffer.AsSpan(_messages[index].Offset + 4));

    public ushort Flags(int index) => MemoryMarshal.Read<ushort>(_buffer.AsSpan(_messages[index].Offset + 6));

    /// <summary>Sets flags of a message beside those it has.</summary>
    public void AddFlags(int index, ushort flags) => MemoryMarshal.Write(_buffer.AsSpan(_messages[index].Offset + 6), (ushort)(Flags(index) | flags));

    public void SetSequence(int index, uint sequence) => MemoryMarshal.Write(_buffer.AsSpan(_messages[index].Offset + 8), sequence);

    public void Clear()
    {
        _messages.Clear();
        _length = 0;
        _message = -1; // one that has no end, because writing it threw
    }

    /// <summary>Begins a message. NLM_F_REQUEST is always set.</summary>
    /// <param name="type">RTM_…, or the subsystem and NFT_MSG_….</param>
    /// <param name="flags">NLM_F_….</param>
    /// <param name="operation">What it does, in words: "add link".</param>
    /// <param name="operand">To what.</param>
    /// <param name="hint">What would help against an error, as a sentence.</param>
    public void Begin(ushort type, ushort flags, string operation, string? operand = null, Func<Errno, string?>? hint = null)
    {
        Debug.Assert(_message < 0, "the message before has no end");
        _message = _length;
        _messages.Add((_length, operation, operand, hint));
        Span<byte> header = Take(HeaderSize);
        header.Clear();
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], (ushort)(flags | NLM_F_REQUEST));
    }

    /// <summary>Ends the message that was begun: its length is known now.</summary>
    public void End()
    {
        MemoryMarshal.Write(_buffer.AsSpan(_message), _length - _message);
        _message = -1;
    }

    /// <summary>The family's own header: struct ifinfomsg, struct nfgenmsg and their like.</summary>
    public void Header<T>(in T header)
        where T : unmanaged
    {
        MemoryMarshal.Write(Take(Unsafe.SizeOf<T>()), in header);
        Align();
    }

    /// <summary>An attribute of bytes as they are.</summary>
    public void Attribute(ushort type, ReadOnlySpan<byte> value)
    {
        AttributeHeader(type, value.Length);
        value.CopyTo(Take(value.Length));
        Align();
    }

    /// <summary>An attribute without a value.</summary>
    public void Flag(ushort type) => Attribute(type, []);

    public void U8(ushort type, byte value) => Attribute(type, [value]);

    public void U16(ushort type, ushort value) => Attribute(type, MemoryMarshal.AsBytes(new ReadOnlySpan<ushort>(in value)));

    public void U32(ushort type, uint value) => Attribute(type, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in value)));

    public void U64(ushort type, ulong value) => Attribute(type, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in value)));

    /// <summary>In network byte order, as nf_tables wants its numbers.</summary>
    public void U16BigEndian(ushort type, ushort value) => U16(type, BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);

    /// <inheritdoc cref="U16BigEndian"/>
    public void U32BigEndian(ushort type, uint value) => U32(type, BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);

    /// <inheritdoc cref="U16BigEndian"/>
    public void U64BigEndian(ushort type, ulong value) => U64(type, BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);

    /// <summary>A structure of the kernel's.</summary>
    public void Structure<T>(ushort type, in T value)
        where T : unmanaged
    {
        AttributeHeader(type, Unsafe.SizeOf<T>());
        MemoryMarshal.Write(Take(Unsafe.SizeOf<T>()), in value);
        Align();
    }

    /// <summary>A text with the zero behind it that the kernel expects.</summary>
    public void Text(ushort type, string value)
    {
        int length = Encoding.UTF8.GetByteCount(value);
        AttributeHeader(type, length + 1);
        Span<byte> bytes = Take(length + 1);
        Encoding.UTF8.GetBytes(value, bytes);
        bytes[length] = 0;
        Align();
    }

    /// <summary>Begins an attribute that holds attributes; it ends when what is returned is disposed.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="mark">Whether NLA_F_NESTED is set: nf_tables wants it, older attributes of links (IFLA_LINKINFO) do not care.</param>
    public Nesting Nest(ushort type, bool mark = true)
    {
        int start = _length;
        AttributeHeader(mark ? (ushort)(type | NLA_F_NESTED) : type, 0);
        return new Nesting(this, start);
    }

    internal readonly ref struct Nesting(NetlinkMessages messages, int start)
    {
        public void Dispose() => MemoryMarshal.Write(messages._buffer.AsSpan(start), (ushort)(messages._length - start));
    }

    private void AttributeHeader(ushort type, int length)
    {
        if (length > ushort.MaxValue - 4)
        {
            throw new ArgumentException($"An attribute holds at most {ushort.MaxValue - 4} bytes, not {length}.", nameof(length));
        }

        Span<byte> header = Take(4);
        MemoryMarshal.Write(header, (ushort)(length + 4));
        MemoryMarshal.Write(header[2..], type);
    }

    private void Align()
    {
        int rest = -_length & 3;
        if (rest > 0)
        {
            Take(rest).Clear();
        }
    }

    private Span<byte> Take(int length)
    {
        if (_length + length > _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + length));
        }

        Span<byte> taken = _buffer.AsSpan(_length, length);
        _length += length;
        return taken;
    }
}
