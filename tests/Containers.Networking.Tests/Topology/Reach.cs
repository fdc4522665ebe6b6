using System.Net;
using System.Net.Sockets;
using System.Text;
using Containers.Native.Netlink;
using Xunit;

namespace Containers.Tests.Topology;

/// <summary>Whether packets get from one namespace to another and back: UDP, by sockets that were opened in them.</summary>
internal static class Reach
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60); // a virtual machine without help of the processor is slow

    /// <summary>Sends a question to an address in a namespace, and the answer back.</summary>
    /// <param name="hops">How many hosts a packet may touch, the one that it is for included: 1 on the same segment, 2 with one router between.</param>
    /// <param name="length">Bytes of the question.</param>
    public static void Assert(NetworkNamespace from, NetworkNamespace to, string address, short hops = 64, int length = 16)
    {
        IPAddress ip = IPAddress.Parse(address);
        using Socket server = Open(to, ip.AddressFamily), client = Open(from, ip.AddressFamily);
        server.Bind(new IPEndPoint(ip, 0));
        client.Connect(server.LocalEndPoint!);
        client.Ttl = hops;
        byte[] question = Encoding.ASCII.GetBytes(new string('?', length)), heard = new byte[length + 1];

        // Asked again each second: a port of a bridge that has just come up may not forward yet (linkwatch, at most a second).
        EndPoint asker = new IPEndPoint(ip.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        bool asked = false, answered = false;
        for (int i = 0; i < s_patience.TotalSeconds && !answered; i++)
        {
            client.Send(question);
            if (server.Poll(TimeSpan.FromSeconds(1), SelectMode.SelectRead))
            {
                Xunit.Assert.Equal(length, server.ReceiveFrom(heard, ref asker));
                server.SendTo("!"u8, asker);
                asked = true;
                answered = client.Poll(TimeSpan.FromSeconds(1), SelectMode.SelectRead);
            }
        }

        Xunit.Assert.True(asked, $"nothing reached {address}");
        Xunit.Assert.True(answered, $"nothing came back from {address}");
        Xunit.Assert.Equal(1, client.Receive(heard));
    }

    /// <summary>Sees that the kernel gives up: no route, or nobody on the segment says that the address is theirs.</summary>
    public static void AssertNot(NetworkNamespace from, string address)
    {
        IPAddress ip = IPAddress.Parse(address);
        using Socket client = Open(from, ip.AddressFamily);
        SocketException error = Xunit.Assert.Throws<SocketException>(() =>
        {
            client.SetRawSocketOption(0, 11, BitConverter.GetBytes(1)); // SOL_IP, IP_RECVERR: "host unreachable" is told, too
            client.ReceiveTimeout = (int)s_patience.TotalMilliseconds;
            client.Connect(ip, 9);
            client.Send("?"u8);
            client.Receive(new byte[1]);
        });
        Xunit.Assert.True(error.SocketErrorCode is SocketError.HostUnreachable or SocketError.NetworkUnreachable, error.Message);
    }

    /// <summary>One question for an address that is not known, rather than three with a second between: AssertNot is quick then.</summary>
    public static void GiveUpSoon(NetworkLink link)
    {
        NetworkSetting.Write(link.Namespace.Handle, $"ipv4/neigh/{link.Name}/mcast_solicit", "1");
        NetworkSetting.Write(link.Namespace.Handle, $"ipv4/neigh/{link.Name}/retrans_time_ms", "100");
    }

    private static Socket Open(NetworkNamespace where, AddressFamily family)
        => NamespaceThread.Run(where.Handle, () => new Socket(family, SocketType.Dgram, ProtocolType.Udp));
}
