using System.Net;
using Containers.Native;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>
/// A port of the host that is ours: a bound socket, which the kernel lets no second one have, and lets go when we end in
/// whatever way. Its packets never come to it: the rules turn them away before.
/// </summary>
internal sealed class PortReservation : IDisposable
{
    private readonly SocketHandle _socket;

    private PortReservation(PortPublication asked, SocketHandle socket) => (_socket, Port) = (socket, asked with { HostPort = socket.Port });

    /// <summary>What is published, with the port that was found where any would do.</summary>
    public PortPublication Port { get; }

    /// <exception cref="NetworkException">The port is taken, or the address is not the host's.</exception>
    public static PortReservation Take(NamespaceHandle? host, PortPublication port)
    {
        try
        {
            return new PortReservation(port, NamespaceThread.Run(host, () => Bind(port)));
        }
        catch (KernelException e) when (e.Errno == Errno.EADDRINUSE)
        {
            throw new NetworkException($"The port {port} cannot be published: {(port.HostPort == 0 ? "no port of the host is free" : $"the host's port {port.HostPort} is taken")}.", port.HostPort == 0 ? null : "The host's port 0 stands for one that is free.", e);
        }
        catch (KernelException e) when (e.Errno == Errno.EADDRNOTAVAIL)
        {
            throw new NetworkException($"The port {port} cannot be published: {port.HostAddress} is none of the host's addresses.", innerException: e);
        }
    }

    public void Dispose() => _socket.Dispose();

    private static SocketHandle Bind(PortPublication port)
    {
        bool stream = port.Protocol == TransportProtocol.Tcp;
        if (port.HostAddress is { } address)
        {
            return SocketHandle.Bind(address, port.HostPort, stream);
        }

        try
        {
            return SocketHandle.Bind(IPAddress.IPv6Any, port.HostPort, stream); // which is IPv4's, too
        }
        catch (KernelException e) when (e.Errno is Errno.EAFNOSUPPORT or Errno.EADDRNOTAVAIL)
        {
            return SocketHandle.Bind(IPAddress.Any, port.HostPort, stream); // a host without IPv6
        }
    }
}
