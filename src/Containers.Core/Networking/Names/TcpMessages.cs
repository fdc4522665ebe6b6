using System.Buffers.Binary;
using System.Net.Sockets;

namespace Containers.Networking;

/// <summary>Messages over TCP, each with its length before it: RFC 1035, 4.2.2.</summary>
internal static class TcpMessages
{
    public static async ValueTask SendAsync(Socket socket, ReadOnlyMemory<byte> message, CancellationToken stop)
    {
        byte[] bytes = new byte[2 + message.Length]; // at once: some peers cannot take a length that comes alone
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)message.Length);
        message.CopyTo(bytes.AsMemory(2));
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), stop).ConfigureAwait(false);
        }
    }

    /// <returns>Null when the other side has closed the connection.</returns>
    public static async ValueTask<byte[]?> ReceiveAsync(Socket socket, CancellationToken stop)
    {
        byte[] length = new byte[2];
        if (!await FillAsync(socket, length, stop).ConfigureAwait(false))
        {
            return null;
        }

        byte[] message = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
        return await FillAsync(socket, message, stop).ConfigureAwait(false) ? message : null;
    }

    private static async ValueTask<bool> FillAsync(Socket socket, Memory<byte> buffer, CancellationToken stop)
    {
        while (!buffer.IsEmpty)
        {
            int count = await socket.ReceiveAsync(buffer, stop).ConfigureAwait(false);
            if (count == 0)
            {
                return false;
            }

            buffer = buffer[count..];
        }

        return true;
    }
}
