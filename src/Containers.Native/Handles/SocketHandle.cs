using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Containers.Native;

/// <summary>
/// A port that is held: a socket that is bound and never listens, so that nobody else can bind it. A <see cref="Socket"/>
/// cannot do that: .NET sets SO_REUSEADDR on what it binds, and two such sockets share a port as long as none listens.
/// </summary>
internal sealed unsafe class SocketHandle : DescriptorHandle
{
    private const int IPPROTO_IPV6 = 41, IPV6_V6ONLY = 26;

    private SocketHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>Binds a socket in the calling thread's network namespace.</summary>
    /// <param name="address">The address; <see cref="IPAddress.IPv6Any"/> stands for IPv4's, too.</param>
    /// <param name="port">The port; 0 for one that is free.</param>
    /// <param name="stream">Whether it is of TCP, not of UDP.</param>
    /// <exception cref="KernelException">EADDRINUSE: someone has it; EADDRNOTAVAIL: the address is not this host's; EAFNOSUPPORT: there is no IPv6 here.</exception>
    public static SocketHandle Bind(IPAddress address, int port, bool stream)
    {
        bool v6 = address.AddressFamily == AddressFamily.InterNetworkV6;
        string operand = $"{(v6 ? $"[{address}]" : address)}:{port}/{(stream ? "tcp" : "udp")}";
        SocketHandle socket = new((int)Kernel.Check(Kernel.socket(v6 ? Kernel.AF_INET6 : Kernel.AF_INET, stream ? Kernel.SOCK_STREAM : Kernel.SOCK_DGRAM, 0), "open socket", operand));
        try
        {
            if (v6)
            {
                Kernel.setsockopt(socket.Descriptor, IPPROTO_IPV6, IPV6_V6ONLY, address.Equals(IPAddress.IPv6Any) ? 0 : 1);
            }

            byte* name = stackalloc byte[28]; // struct sockaddr_in6; sockaddr_in is its beginning but for the address
            Span<byte> bytes = new(name, 28);
            bytes.Clear();
            *(ushort*)name = (ushort)(v6 ? Kernel.AF_INET6 : Kernel.AF_INET);
            BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)port);
            address.TryWriteBytes(bytes[(v6 ? 8 : 4)..], out _);
            if (v6)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(bytes[24..], (uint)address.ScopeId);
            }

            Kernel.Check(Kernel.Call(SystemCall.bind, socket.Descriptor, (long)name, v6 ? 28 : 16), "bind", operand);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The port it is bound to.</summary>
    public int Port
    {
        get
        {
            byte* name = stackalloc byte[28];
            int length = 28;
            Kernel.Check(Kernel.Call(SystemCall.getsockname, Descriptor, (long)name, (long)&length), "getsockname");
            return BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(name + 2, 2));
        }
    }
}
