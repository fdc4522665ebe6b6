using System.Net;

namespace Containers;

/// <summary>What happens to the packets of a route. The numbers are the kernel's.</summary>
public enum NetworkRouteType
{
    /// <summary>They are sent on.</summary>
    Unicast = 1,

    /// <summary>They are dropped in silence.</summary>
    Blackhole = 6,

    /// <summary>They are dropped, and their sender hears that the host is unreachable.</summary>
    Unreachable = 7,

    /// <summary>They are dropped, and their sender hears that it is prohibited.</summary>
    Prohibit = 8,
}

/// <summary>A route: where packets for some addresses go.</summary>
public sealed record NetworkRoute
{
    /// <summary>The addresses. Of a default route 0.0.0.0/0, or ::/0.</summary>
    public required IPNetwork Destination { get; init; }

    /// <summary>The router; null where the addresses are on the link itself.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>The link; null for the one where the router is.</summary>
    public NetworkLink? Link { get; init; }

    /// <summary>The table that it is in; 254 is the main one.</summary>
    public uint Table { get; init; } = 254;

    /// <summary>Of several to the same addresses the one with the lowest is taken. 0 leaves it to the kernel: 0 for IPv4, 1024 for IPv6.</summary>
    public uint Metric { get; init; }

    /// <summary>What happens to the packets.</summary>
    public NetworkRouteType Type { get; init; } = NetworkRouteType.Unicast;

    /// <summary>Whether the router is on the link though no address of the link says so.</summary>
    public bool OnLink { get; init; }
}

/// <summary>A rule: which packets ask which table of routes. What is not set does not matter.</summary>
public sealed record NetworkRule
{
    /// <summary>Whose sender is among these.</summary>
    public IPNetwork? From { get; init; }

    /// <summary>Whose destination is among these.</summary>
    public IPNetwork? To { get; init; }

    /// <summary>That came in by this link.</summary>
    public string? InputLink { get; init; }

    /// <summary>That have this mark, by nftables or SO_MARK.</summary>
    public uint? Mark { get; init; }

    /// <summary>The table that they ask; 254 is the main one.</summary>
    public required uint Table { get; init; }

    /// <summary>Lower ones are asked first; null leaves it to the kernel: before those that are there.</summary>
    public uint? Priority { get; init; }

    /// <summary>Whether it is for IPv6 packets, where neither sender nor destination says so.</summary>
    public bool Ipv6 { get; init; }
}
