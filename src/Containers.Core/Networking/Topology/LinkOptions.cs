using System.Net;
using System.Net.NetworkInformation;

namespace Containers;

/// <summary>What a bridge has from its beginning.</summary>
public sealed record BridgeOptions
{
    /// <summary>Its MAC address; null for the lowest of its ports', which changes with them.</summary>
    public PhysicalAddress? MacAddress { get; init; }

    /// <summary>The longest packet in bytes; null for the shortest of its ports'.</summary>
    public int? Mtu { get; init; }

    /// <summary>Whether its ports belong to VLANs: to 1 until something else is said, see <see cref="NetworkLink.AddVlan"/>. Needs CONFIG_BRIDGE_VLAN_FILTERING.</summary>
    public bool VlanFiltering { get; init; }

    /// <summary>Whether it is up at once.</summary>
    public bool Up { get; init; } = true;
}

/// <summary>What a pair of links has from its beginning.</summary>
public sealed record VethOptions
{
    /// <summary>The longest packet in bytes, of both ends; null for 1500.</summary>
    public int? Mtu { get; init; }

    /// <summary>The MAC address of the first end; null for one made by chance.</summary>
    public PhysicalAddress? MacAddressA { get; init; }

    /// <summary>The MAC address of the second end; null for one made by chance.</summary>
    public PhysicalAddress? MacAddressB { get; init; }

    /// <summary>Whether both ends are up at once.</summary>
    public bool Up { get; init; } = true;
}

/// <summary>Where a VXLAN link sends its frames.</summary>
public sealed record VxlanOptions
{
    /// <summary>Where frames go whose place is not known: the other host, or a multicast group.</summary>
    public IPAddress? Remote { get; init; }

    /// <summary>The address that it sends from; null for what the route says.</summary>
    public IPAddress? Local { get; init; }

    /// <summary>The UDP port of both sides.</summary>
    public int Port { get; init; } = 4789;

    /// <summary>The link that it sends over; null for what the route says.</summary>
    public NetworkLink? Over { get; init; }

    /// <summary>Whether it learns from what arrives where addresses are.</summary>
    public bool Learning { get; init; } = true;
}

/// <summary>How macvlan links over one parent see each other. The numbers are the kernel's.</summary>
public enum MacvlanMode
{
    /// <summary>Not at all.</summary>
    Private = 1,

    /// <summary>By way of a switch outside that sends frames back.</summary>
    Vepa = 2,

    /// <summary>Directly.</summary>
    Bridge = 4,

    /// <summary>There is one, and it has the parent for itself.</summary>
    Passthru = 8,
}
