using System.Net;
using System.Net.Sockets;

namespace Containers.Networking;

/// <summary>A network behind a bridge of this host, as far as translation is concerned.</summary>
/// <param name="Bridge">The bridge's name.</param>
/// <param name="Subnet4">Its IPv4 addresses.</param>
/// <param name="Subnet6">Its IPv6 addresses.</param>
/// <param name="Isolated">Nothing is forwarded out of it or into it, and of the host only the bridge's own addresses are reached.</param>
internal sealed record NatNetwork(string Bridge, IPNetwork? Subnet4, IPNetwork? Subnet6, bool Isolated = false);

/// <summary>A port of the host that leads into a container.</summary>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="HostAddress">One address of the host's; null for all of them that are of the container address's family.</param>
/// <param name="HostPort">The port there.</param>
/// <param name="ContainerAddress">Where it leads.</param>
/// <param name="ContainerPort">The port there.</param>
/// <remarks>All but ::1: what the host sends to that address never leaves it, whatever a rule says.</remarks>
internal sealed record PortRule(ProtocolType Protocol, IPAddress? HostAddress, ushort HostPort, IPAddress ContainerAddress, ushort ContainerPort)
{
    /// <summary>The rules of a published port: one for each of the container's addresses that the host's address can lead to.</summary>
    public static IEnumerable<PortRule> Of(PortPublication port, IEnumerable<IPAddress> addresses)
        => from address in addresses
           where port.HostAddress is null || port.HostAddress.AddressFamily == address.AddressFamily
           select new PortRule((ProtocolType)port.Protocol, port.HostAddress, (ushort)port.HostPort, address, (ushort)port.ContainerPort);

    public bool IsIPv6 => ContainerAddress.AddressFamily == AddressFamily.InterNetworkV6;

    public override string ToString()
        => $"{(HostAddress is null ? "" : $"{HostAddress} ")}{(Protocol == ProtocolType.Tcp ? "tcp" : "udp")} port {HostPort}";
}

/// <summary>Questions for names (port 53) that a container asks a bridge's address, and the port at that address where they are answered.</summary>
internal sealed record NameRule(IPAddress Container, IPAddress Gateway, ushort Port);
