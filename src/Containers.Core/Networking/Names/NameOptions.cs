using System.Buffers.Binary;

namespace Containers.Networking;

/// <summary>What the OPT record of a query says: RFC 6891.</summary>
/// <param name="Present">Whether the query has one, and so the answer has to.</param>
/// <param name="UdpSize">What the other side can take in a datagram.</param>
/// <param name="Version">0 is the only one there is.</param>
/// <param name="DnssecOk">A flag that comes back as it was: RFC 3225.</param>
internal readonly record struct NameOptions(bool Present, int UdpSize, byte Version, bool DnssecOk)
{
    private const int PlainUdpSize = 512, FixedSize = 10;
    private const ushort DnssecOkFlag = 0x8000;

    /// <summary>Looks for the record among those behind the question.</summary>
    /// <param name="message">The query.</param>
    /// <param name="at">Where the records begin.</param>
    /// <param name="records">How many it says there are.</param>
    /// <returns>Null when they cannot be read.</returns>
    public static NameOptions? Read(ReadOnlySpan<byte> message, int at, int records)
    {
        NameOptions options = new(false, PlainUdpSize, 0, false);
        for (; records > 0; records--)
        {
            bool isRoot = at < message.Length && message[at] == 0;
            if (!SkipName(message, ref at) || at + FixedSize > message.Length)
            {
                return null;
            }

            ReadOnlySpan<byte> fixedPart = message.Slice(at, FixedSize); // type, class, time to live, length
            at += FixedSize + BinaryPrimitives.ReadUInt16BigEndian(fixedPart[8..]);
            if (at > message.Length)
            {
                return null;
            }

            if (BinaryPrimitives.ReadUInt16BigEndian(fixedPart) == RecordType.OPT)
            {
                if (options.Present || !isRoot)
                {
                    return null; // 6.1.1: one, and of the root
                }

                options = new NameOptions(
                    true,
                    Math.Max(BinaryPrimitives.ReadUInt16BigEndian(fixedPart[2..]), (ushort)PlainUdpSize),
                    fixedPart[5],
                    (BinaryPrimitives.ReadUInt16BigEndian(fixedPart[6..]) & DnssecOkFlag) != 0);
            }
        }

        return options;
    }

    private static bool SkipName(ReadOnlySpan<byte> message, ref int at)
    {
        while (at < message.Length)
        {
            int label = message[at++];
            if (label == 0)
            {
                return true;
            }

            if ((label & 0xc0) == 0xc0)
            {
                return ++at <= message.Length;
            }

            if (label > NameQuery.LongestLabel)
            {
                return false;
            }

            at += label;
        }

        return false;
    }
}
