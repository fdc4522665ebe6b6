using System.Net;
using System.Net.Sockets;

namespace Containers.Native.Netlink;

/// <summary>What happens to packets of a route: linux/rtnetlink.h, RTN_….</summary>
internal enum RouteType : byte
{
    /// <summary>They are sent on.</summary>
    Unicast = 1,

    /// <summary>They are for this host.</summary>
    Local = 2,

    /// <summary>They are for this host, and for others on the link.</summary>
    Broadcast = 3,

    /// <summary>They are for one of several hosts, and this is one.</summary>
    Anycast = 4,

    /// <summary>They are for a group.</summary>
    Multicast = 5,

    /// <summary>They are dropped in silence.</summary>
    Blackhole = 6,

    /// <summary>They are dropped, and the sender hears "host unreachable".</summary>
    Unreachable = 7,

    /// <summary>They are dropped, and the sender hears "administratively prohibited".</summary>
    Prohibit = 8,

    /// <summary>The next table is asked.</summary>
    Throw = 9,
}

/// <summary>A route: to add or delete, or as the kernel tells it. One with several next hops is told without them.</summary>
internal sealed record RouteInfo
{
    /// <summary>Where to; null for the default route, whose family is then that of the gateway, or <see cref="Family"/>.</summary>
    public IPNetwork? Destination { get; init; }

    /// <summary>By way of; null where the destination is on the link itself.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>The link's index; 0 for the one where the gateway is.</summary>
    public int Link { get; init; }

    public uint Table { get; init; } = Rtnetlink.RT_TABLE_MAIN;

    /// <summary>The lower, the sooner it is taken. 0 is the kernel's choice: 0 for IPv4, 1024 for IPv6.</summary>
    public uint Metric { get; init; }

    /// <summary>RT_SCOPE_…; null for what belongs to the type and the gateway.</summary>
    public byte? Scope { get; init; }

    public RouteType Type { get; init; } = RouteType.Unicast;

    /// <summary>The address that packets are sent from, unless their sender chose.</summary>
    public IPAddress? Source { get; init; }

    /// <summary>Whether the gateway is on the link though no address of the link says so.</summary>
    public bool OnLink { get; init; }

    /// <summary>Who made it: RTPROT_…. The kernel's own are 2.</summary>
    public byte Protocol { get; init; } = Rtnetlink.RTPROT_STATIC;

    /// <summary>Of a default route without a gateway.</summary>
    public AddressFamily Family { get; init; } = AddressFamily.InterNetwork;

    internal AddressFamily AddressFamily => Destination?.BaseAddress.AddressFamily ?? Gateway?.AddressFamily ?? Family;

    internal string Text => $"{Destination?.ToString() ?? "default"}{(Gateway is null ? "" : $" via {Gateway}")}";
}
