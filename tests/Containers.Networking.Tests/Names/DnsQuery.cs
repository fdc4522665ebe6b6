using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Containers.Tests.Names;

/// <summary>Queries byte by byte, as a client might send them, and what the head of an answer says.</summary>
internal static class DnsQuery
{
    public const ushort A = 1, SOA = 6, PTR = 12, TXT = 16, AAAA = 28, OPT = 41, HTTPS = 65, AXFR = 252, ANY = 255;

    /// <param name="options">The UDP size of an OPT record; null for none.</param>
    public static byte[] Of(string name, ushort type, ushort? options = null, ushort id = 0x1234, ushort flags = 0x0100, ushort @class = 1, uint optionFlags = 0)
    {
        List<byte> message = [.. Words(id, flags, 1, 0, 0, options is null ? (ushort)0 : (ushort)1)];
        foreach (string label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            message.Add((byte)label.Length);
            message.AddRange(Encoding.Latin1.GetBytes(label));
        }

        message.Add(0);
        message.AddRange(Words(type, @class));
        if (options is { } size)
        {
            message.Add(0);
            message.AddRange(Words(OPT, size, (ushort)(optionFlags >> 16), (ushort)optionFlags, 0));
        }

        return [.. message];
    }

    public static int Code(byte[] reply) => reply[3] & 15;

    public static int Flags(byte[] reply) => BinaryPrimitives.ReadUInt16BigEndian(reply.AsSpan(2));

    public static int Answers(byte[] reply) => BinaryPrimitives.ReadUInt16BigEndian(reply.AsSpan(6));

    public static bool IsTruncated(byte[] reply) => (reply[2] & 2) != 0;

    public static byte[] AskUdp(IPEndPoint server, byte[] query)
    {
        using Socket socket = new(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.ReceiveTimeout = 20_000; // a datagram that is lost fails a test, and does not hang it
        socket.Connect(server);
        socket.Send(query);
        byte[] buffer = new byte[65536];
        return buffer[..socket.Receive(buffer)];
    }

    /// <summary>Asks again when there is no answer, as resolvers do, and holds no thread meanwhile.</summary>
    public static async Task<byte[]> AskUdpAsync(IPEndPoint server, byte[] query, CancellationToken cancellation)
    {
        using Socket socket = new(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(server, cancellation);
        byte[] buffer = new byte[65536];
        while (true)
        {
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            patience.CancelAfter(TimeSpan.FromSeconds(5));
            await socket.SendAsync(query, cancellation);
            try
            {
                return buffer[..await socket.ReceiveAsync(buffer, patience.Token)];
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // lost: datagrams may be
            }
        }
    }

    public static byte[] AskTcp(IPEndPoint server, byte[] query)
    {
        using Socket socket = new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(server);
        return AskTcp(socket, query);
    }

    public static byte[] AskTcp(Socket socket, byte[] query)
    {
        using NetworkStream stream = new(socket, ownsSocket: false);
        stream.Write([.. Words((ushort)query.Length), .. query]);
        byte[] length = new byte[2];
        stream.ReadExactly(length);
        byte[] reply = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
        stream.ReadExactly(reply);
        return reply;
    }

    private static byte[] Words(params ushort[] words)
    {
        byte[] bytes = new byte[words.Length * 2];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(i * 2), words[i]);
        }

        return bytes;
    }
}
