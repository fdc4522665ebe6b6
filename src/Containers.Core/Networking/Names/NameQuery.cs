using System.Buffers.Binary;

namespace Containers.Networking;

/// <summary>
/// A query as it came, and what of it matters here: RFC 1035, with the options of RFC 6891. Whoever sent it may be
/// hostile, so nothing is believed that the message has no room for.
/// </summary>
internal readonly ref struct NameQuery
{
    public const int HeaderSize = 12, LongestLabel = 63;

    private const int LongestName = 255;

    private NameQuery(ReadOnlySpan<byte> message) => Message = message;

    public ReadOnlySpan<byte> Message { get; }

    /// <summary>The name in lower case and without a dot at its end; null when it has bytes that no name of ours has, and for the root.</summary>
    public string? Name { get; private init; }

    public ushort Type { get; private init; }

    public ushort Class { get; private init; }

    /// <summary>Where the question ends: what is before it comes back in every answer.</summary>
    public int QuestionEnd { get; private init; }

    /// <summary>What its OPT record says.</summary>
    public NameOptions Options { get; private init; }

    public ushort Flags => BinaryPrimitives.ReadUInt16BigEndian(Message[2..]);

    /// <summary>Whether a message is to be answered at all. An answer to an answer could go on for ever.</summary>
    public static bool IsQuery(ReadOnlySpan<byte> message)
        => message.Length >= HeaderSize && (BinaryPrimitives.ReadUInt16BigEndian(message[2..]) & MessageFlags.Response) == 0;

    /// <summary>Reads a message that <see cref="IsQuery"/>.</summary>
    /// <returns>What is wrong with it; <see cref="ResponseCode.NoError"/> when it was read.</returns>
    public static ResponseCode Read(ReadOnlySpan<byte> message, out NameQuery query)
    {
        query = default;
        if ((BinaryPrimitives.ReadUInt16BigEndian(message[2..]) & MessageFlags.Opcode) != 0)
        {
            return ResponseCode.NotImplemented;
        }

        // One question, no answers, and nobody's authority: what has more is no query that any client sends.
        bool isPlain = BinaryPrimitives.ReadUInt64BigEndian(message[4..]) >> 16 == 1UL << 32;
        int additional = BinaryPrimitives.ReadUInt16BigEndian(message[10..]);
        int nameEnd = isPlain ? ReadName(message, out string? name) : ReadNothing(out name);
        if (nameEnd < 0 || nameEnd + 4 > message.Length)
        {
            return ResponseCode.FormatError;
        }

        if (NameOptions.Read(message, nameEnd + 4, additional) is not { } options)
        {
            return ResponseCode.FormatError;
        }

        query = new NameQuery(message)
        {
            Name = name,
            Type = BinaryPrimitives.ReadUInt16BigEndian(message[nameEnd..]),
            Class = BinaryPrimitives.ReadUInt16BigEndian(message[(nameEnd + 2)..]),
            QuestionEnd = nameEnd + 4,
            Options = options,
        };
        return ResponseCode.NoError;
    }

    private static int ReadNothing(out string? name)
    {
        name = null;
        return -1;
    }

    // A pointer has nothing to point at in a question that comes first.
    private static int ReadName(ReadOnlySpan<byte> message, out string? name)
    {
        name = null;
        Span<char> text = stackalloc char[LongestName];
        int length = 0;
        bool isText = true;
        for (int at = HeaderSize; at < message.Length && at - HeaderSize < LongestName;)
        {
            int label = message[at++];
            if (label == 0)
            {
                name = isText && length > 0 ? text[..(length - 1)].ToString() : null;
                return at;
            }

            if (label > LongestLabel || at + label > message.Length || at + label - HeaderSize >= LongestName)
            {
                return -1;
            }

            foreach (byte value in message.Slice(at, label))
            {
                isText &= value is > 0x20 and < 0x7f and not (byte)'.';
                text[length++] = char.ToLowerInvariant((char)value);
            }

            text[length++] = '.';
            at += label;
        }

        return -1;
    }
}
