using System.Collections.Immutable;
using System.Net;

namespace Containers;

/// <summary>One network of a container: what it is attached to, and as whom. Written by a <see cref="NetBuilder"/>.</summary>
public sealed record NetSpec
{
    /// <summary>The bridge that the library makes for those who name none.</summary>
    public const string DefaultBridge = "containers0";

    /// <summary>The network; null for the bridge of <see cref="Bridge"/>.</summary>
    public Network? Network { get; init; }

    /// <summary>The bridge's name. It is made when it is missing.</summary>
    public string Bridge { get; init; } = DefaultBridge;

    /// <summary>The bridge's subnet; null for the one it has, or, when it has to be made, that of <see cref="Address"/>, or a free one.</summary>
    public IPNetwork? Subnet { get; init; }

    /// <summary>The IPv4 address; null for a free one.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>The IPv6 address; null for a free one, when the network has an IPv6 subnet.</summary>
    public IPAddress? Address6 { get; init; }

    /// <summary>Where the default route leads; null for the bridge's own address.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Ports of the host that lead to the container.</summary>
    public ImmutableArray<PortPublication> Ports { get; init; } = [];

    /// <summary>Names that other containers of the network find it by, beside its id and host name.</summary>
    public ImmutableArray<string> Aliases { get; init; } = [];

    /// <summary>Servers that are asked for names outside; empty for the host's.</summary>
    public ImmutableArray<IPAddress> Dns { get; init; } = [];

    /// <summary>Domains that are tried behind short names; null for the host's.</summary>
    public ImmutableArray<string>? Search { get; init; }

    /// <summary>Six bytes, as 02:42:ac:1e:00:03; null for one made of the address.</summary>
    public string? MacAddress { get; init; }

    /// <summary>The largest packet, in bytes; null for the network's.</summary>
    public int? Mtu { get; init; }

    /// <summary>The link's name inside; null for eth0, eth1 and so on.</summary>
    public string? Interface { get; init; }

    /// <summary>The VLAN that the bridge's port belongs to, 1 to 4094; null for none in particular.</summary>
    public int? Vlan { get; init; }

    /// <summary>Whether packets go through pasta, a program that needs no privileges, instead of a bridge.</summary>
    public bool Pasta { get; init; }
}

/// <summary>What is carried on a port.</summary>
public enum TransportProtocol
{
    /// <summary>TCP.</summary>
    Tcp = 6,

    /// <summary>UDP.</summary>
    Udp = 17,
}

/// <summary>A port of the host that leads to a container.</summary>
/// <param name="HostPort">1 to 65535; 0 for one that is free, which <see cref="Container.Ports"/> tells.</param>
/// <param name="ContainerPort">1 to 65535.</param>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="HostAddress">One of the host's addresses; null for all of them, and loopback.</param>
public sealed record PortPublication(int HostPort, int ContainerPort, TransportProtocol Protocol = TransportProtocol.Tcp, IPAddress? HostAddress = null)
{
    /// <summary>As "8080:80/tcp", or "127.0.0.1:8080:80/tcp".</summary>
    public override string ToString()
    {
        string host = HostAddress is null ? "" : HostAddress.ToString().Contains(':', StringComparison.Ordinal) ? $"[{HostAddress}]:" : $"{HostAddress}:";
        return $"{host}{HostPort}:{ContainerPort}/{(Protocol == TransportProtocol.Tcp ? "tcp" : "udp")}";
    }
}
