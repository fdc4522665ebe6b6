using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Containers.Native;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>A query that is passed on.</summary>
/// <param name="Message">As it came.</param>
/// <param name="QuestionEnd">Where its question ends.</param>
/// <param name="Limit">The most bytes that its answer may have.</param>
/// <param name="Tcp">Whether it came by TCP, and is passed on so.</param>
internal sealed record ForwardedQuery(byte[] Message, int QuestionEnd, int Limit, bool Tcp);

/// <summary>
/// One query to one server, with an id and a port that nobody can guess (RFC 5452): each has a socket of its own, which
/// takes packets from that server only, and an id of its own, whatever id the client chose.
/// </summary>
internal static class NameExchange
{
    /// <returns>The answer; null when the server cannot be reached, or when it was stopped.</returns>
    public static async Task<byte[]?> UdpAsync(NamespaceHandle? networkNamespace, ForwardedQuery query, IPEndPoint server, CancellationToken stop)
    {
        try
        {
            byte[] message = WithOwnId(query);
            using Socket socket = NamespaceThread.Run(networkNamespace, () => new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
            await socket.ConnectAsync(server, stop).ConfigureAwait(false);
            await socket.SendAsync(message, stop).ConfigureAwait(false);
            byte[] buffer = new byte[query.Limit + 1]; // one more: what fills it is too long
            while (true)
            {
                int length = await socket.ReceiveAsync(buffer, stop).ConfigureAwait(false);
                if (IsAnswer(buffer.AsSpan(0, length), message, query.QuestionEnd))
                {
                    return WithId(length > query.Limit ? NameReply.Truncated(buffer, query.QuestionEnd) : buffer[..length], query);
                }
            }
        }
        catch (Exception e) when (IsExpected(e))
        {
            return null;
        }
    }

    /// <inheritdoc cref="UdpAsync"/>
    public static async Task<byte[]?> TcpAsync(NamespaceHandle? networkNamespace, ForwardedQuery query, IPEndPoint server, CancellationToken stop)
    {
        try
        {
            byte[] message = WithOwnId(query);
            using Socket socket = NamespaceThread.Run(networkNamespace, () => new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
            await socket.ConnectAsync(server, stop).ConfigureAwait(false);
            await TcpMessages.SendAsync(socket, message, stop).ConfigureAwait(false);
            byte[]? reply = await TcpMessages.ReceiveAsync(socket, stop).ConfigureAwait(false);
            return reply is not null && IsAnswer(reply, message, query.QuestionEnd) ? WithId(reply, query) : null;
        }
        catch (Exception e) when (IsExpected(e))
        {
            return null;
        }
    }

    // The handle of a namespace may be closed while a query is under way, and a socket by the end of it.
    private static bool IsExpected(Exception e) => e is SocketException or OperationCanceledException or ObjectDisposedException or ContainerException;

    private static byte[] WithOwnId(ForwardedQuery query)
    {
        byte[] message = query.Message.AsSpan().ToArray();
        RandomNumberGenerator.Fill(message.AsSpan(0, 2));
        return message;
    }

    private static byte[] WithId(byte[] reply, ForwardedQuery query)
    {
        query.Message.AsSpan(0, 2).CopyTo(reply);
        return reply;
    }

    private static bool IsAnswer(ReadOnlySpan<byte> reply, ReadOnlySpan<byte> query, int questionEnd)
    {
        if (reply.Length < NameQuery.HeaderSize || !reply[..2].SequenceEqual(query[..2]))
        {
            return false;
        }

        ushort flags = BinaryPrimitives.ReadUInt16BigEndian(reply[2..]);
        if ((flags & (MessageFlags.Response | MessageFlags.Opcode)) != MessageFlags.Response)
        {
            return false;
        }

        // A server that cannot read a query, since it has options in it for example, repeats nothing of it.
        if (reply.Length == NameQuery.HeaderSize)
        {
            return (ResponseCode)(flags & MessageFlags.Code) is ResponseCode.FormatError or ResponseCode.NotImplemented;
        }

        return reply.Length >= questionEnd && BinaryPrimitives.ReadUInt16BigEndian(reply[4..]) == 1
            && IsSameQuestion(reply[NameQuery.HeaderSize..questionEnd], query[NameQuery.HeaderSize..questionEnd]);
    }

    // A server may change the case of letters; the lengths and types between them are none.
    private static bool IsSameQuestion(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
        => System.Text.Ascii.EqualsIgnoreCase(one[..^4], other[..^4]) is true
            ? one[^4..].SequenceEqual(other[^4..])
            : one.SequenceEqual(other);
}
