using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Containers.Networking;

/// <summary>Answers as bytes. All records are of the name that was asked for, which is pointed at and not repeated.</summary>
internal static class NameReply
{
    /// <summary>The largest datagram that is sent or asked for: it fits the smallest packet IPv6 has, so it is never sent in pieces (dnsflagday.net/2020).</summary>
    public const int LargestUdp = 1232;

    public const int LargestTcp = ushort.MaxValue;

    // Containers come and go, and their next address is another one.
    private const uint TimeToLive = 1;

    private const ushort InClass = 1, NamePointer = 0xc000 | NameQuery.HeaderSize;
    private const int RecordHeaderSize = 12, OptionsSize = 11;

    /// <summary>A header and no more, as an answer to what could not be read. It is never longer than that was.</summary>
    public static byte[] Bare(ReadOnlySpan<byte> message, ResponseCode code)
    {
        byte[] reply = new byte[NameQuery.HeaderSize];
        message[..2].CopyTo(reply);
        ushort flags = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        BinaryPrimitives.WriteUInt16BigEndian(reply.AsSpan(2), (ushort)(MessageFlags.Response | (flags & (MessageFlags.Opcode | MessageFlags.RecursionDesired)) | (int)code));
        return reply;
    }

    /// <summary>An answer without records: a failure, or that there is nothing of the type that was asked for.</summary>
    public static byte[] Empty(in NameQuery query, ResponseCode code) => Write(query, code, [], RecordType.A, LargestTcp);

    /// <summary>The addresses of a name, as many as fit; when not all do, the client is told so, and asks again by TCP.</summary>
    /// <param name="limit">The most bytes that the answer may have.</param>
    public static byte[] Addresses(in NameQuery query, IEnumerable<IPAddress> addresses, int limit)
    {
        ushort type = query.Type;
        return Write(query, ResponseCode.NoError, [.. addresses.Where(address => type == RecordType.ANY || type == TypeOf(address)).Select(address => address.GetAddressBytes())], null, limit);
    }

    /// <summary>The name of an address.</summary>
    public static byte[] Pointer(in NameQuery query, string name, int limit)
        => Write(query, ResponseCode.NoError, Encode(name) is { } encoded ? [encoded] : [], RecordType.PTR, limit);

    /// <summary>What is left of an answer that is too long for a datagram: that it was.</summary>
    public static byte[] Truncated(ReadOnlySpan<byte> reply, int questionEnd)
    {
        byte[] rest = reply[..questionEnd].ToArray();
        rest[2] |= MessageFlags.Truncated >> 8;
        rest.AsSpan(6, 6).Clear();
        return rest;
    }

    private static ushort TypeOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? RecordType.A : RecordType.AAAA;

    private static byte[] Write(in NameQuery query, ResponseCode code, List<byte[]> data, ushort? type, int limit)
    {
        int room = limit - query.QuestionEnd - (query.Options.Present ? OptionsSize : 0);
        int count = 0;
        int size = 0;
        while (count < data.Count && size + RecordHeaderSize + data[count].Length <= room)
        {
            size += RecordHeaderSize + data[count++].Length;
        }

        byte[] reply = new byte[query.QuestionEnd + size + (query.Options.Present ? OptionsSize : 0)];
        query.Message[..query.QuestionEnd].CopyTo(reply);
        ushort flags = (ushort)(MessageFlags.Response | MessageFlags.RecursionAvailable | (query.Flags & (MessageFlags.RecursionDesired | MessageFlags.CheckingDisabled)) | ((int)code & MessageFlags.Code));
        flags |= code == ResponseCode.NoError ? MessageFlags.Authoritative : (ushort)0;
        flags |= count < data.Count ? MessageFlags.Truncated : (ushort)0;
        Span<byte> header = reply;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], flags);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], (ushort)count);
        BinaryPrimitives.WriteUInt16BigEndian(header[8..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], query.Options.Present ? (ushort)1 : (ushort)0);

        Span<byte> rest = reply.AsSpan(query.QuestionEnd);
        foreach (byte[] record in data[..count])
        {
            BinaryPrimitives.WriteUInt16BigEndian(rest, NamePointer);
            BinaryPrimitives.WriteUInt16BigEndian(rest[2..], type ?? (record.Length == 4 ? RecordType.A : RecordType.AAAA));
            BinaryPrimitives.WriteUInt16BigEndian(rest[4..], InClass);
            BinaryPrimitives.WriteUInt32BigEndian(rest[6..], TimeToLive);
            BinaryPrimitives.WriteUInt16BigEndian(rest[10..], (ushort)record.Length);
            record.CopyTo(rest[RecordHeaderSize..]);
            rest = rest[(RecordHeaderSize + record.Length)..];
        }

        if (query.Options.Present)
        {
            WriteOptions(rest, (byte)((int)code >> 4), query.Options.DnssecOk);
        }

        return reply;
    }

    // RFC 6891, 6.1.2: the class is the size, and the time to live has the rest of the code, the version and the flags.
    private static void WriteOptions(Span<byte> at, byte extendedCode, bool dnssecOk)
    {
        BinaryPrimitives.WriteUInt16BigEndian(at[1..], RecordType.OPT);
        BinaryPrimitives.WriteUInt16BigEndian(at[3..], LargestUdp);
        at[5] = extendedCode;
        at[7] = dnssecOk ? (byte)0x80 : (byte)0;
    }

    /// <returns>Null when it is no name that DNS can say.</returns>
    private static byte[]? Encode(string name)
    {
        List<byte> bytes = [];
        foreach (string label in name.TrimEnd('.').Split('.'))
        {
            byte[] text = Encoding.UTF8.GetBytes(label);
            if (text.Length is 0 or > 63)
            {
                return null;
            }

            bytes.Add((byte)text.Length);
            bytes.AddRange(text);
        }

        bytes.Add(0);
        return bytes.Count <= 255 ? [.. bytes] : null;
    }
}
