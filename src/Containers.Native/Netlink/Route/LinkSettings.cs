using System.Net.NetworkInformation;

namespace Containers.Native.Netlink;

/// <summary>What a link has from its first moment, whatever its kind. What is not set is the kernel's choice.</summary>
/// <remarks>
/// An alias is not among it: RTM_NEWLINK takes IFLA_IFALIAS for a link that exists and overlooks it for one to be made
/// (rtnl_create_link; seen on 6.18), so <see cref="LinkMessages.SetLink"/> has to follow, by the index of what was made.
/// Not in the same batch by the name: had the first message failed since the name was taken, the second would change
/// another's link. The group is honoured, and so can mark a link as someone's from the beginning.
/// </remarks>
internal readonly record struct LinkSettings
{
    public PhysicalAddress? MacAddress { get; init; }

    /// <summary>Bytes; 0 for the kernel's choice.</summary>
    public int Mtu { get; init; }

    /// <summary>The index of the bridge that it becomes a port of; 0 for none.</summary>
    public int Master { get; init; }

    /// <summary>Whether it is up at once. Before it has a master, as far as the kernel is concerned; the port comes up with the joining.</summary>
    public bool Up { get; init; }

    /// <summary>A number that links can be found by; 0 is every link's.</summary>
    public uint Group { get; init; }

    /// <summary>The namespace that it is made in; null for the socket's. Has to stay open until the message is sent.</summary>
    public NamespaceHandle? Namespace { get; init; }
}

/// <summary>A bridge to be made.</summary>
internal readonly record struct BridgeSettings
{
    /// <inheritdoc cref="LinkSettings.MacAddress"/>
    /// <remarks>A bridge without one has the lowest of its ports', which changes with them.</remarks>
    public PhysicalAddress? MacAddress { get; init; }

    /// <inheritdoc cref="LinkSettings.Mtu"/>
    public int Mtu { get; init; }

    /// <inheritdoc cref="LinkSettings.Up"/>
    public bool Up { get; init; }

    /// <inheritdoc cref="LinkSettings.Group"/>
    public uint Group { get; init; }

    /// <summary>Whether ports belong to VLANs.</summary>
    public bool VlanFiltering { get; init; }
}

/// <summary>A veth pair to be made: our end, and the peer.</summary>
/// <remarks>The peer cannot be up at once: it is made first, and veth_open refuses (ENOTCONN) as long as it has no other end. Seen on 6.18.</remarks>
internal readonly record struct VethSettings
{
    /// <inheritdoc cref="LinkSettings.MacAddress"/>
    public PhysicalAddress? MacAddress { get; init; }

    /// <summary>Of both ends, in bytes; 0 for the kernel's choice.</summary>
    public int Mtu { get; init; }

    /// <inheritdoc cref="LinkSettings.Master"/>
    public int Master { get; init; }

    /// <inheritdoc cref="LinkSettings.Up"/>
    public bool Up { get; init; }

    /// <summary>Of both ends.</summary>
    public uint Group { get; init; }

    /// <summary>The peer's.</summary>
    public PhysicalAddress? PeerMacAddress { get; init; }
}

/// <summary>A VXLAN tunnel to be made.</summary>
internal readonly record struct VxlanSettings()
{
    /// <summary>Where frames go whose place is not known: an address, or a multicast group. Null: nowhere.</summary>
    public System.Net.IPAddress? Remote { get; init; }

    /// <summary>The address that it sends from; null for what the route says.</summary>
    public System.Net.IPAddress? Local { get; init; }

    /// <summary>The UDP port of both sides: 4789 is IANA's, the kernel's own default is another.</summary>
    public ushort Port { get; init; } = 4789;

    /// <summary>The link that it sends over; 0 for what the route says.</summary>
    public int Link { get; init; }

    /// <summary>Whether it learns from what arrives where addresses are.</summary>
    public bool Learning { get; init; } = true;
}

/// <summary>What is to change of a link; what is not set stays as it is.</summary>
internal readonly record struct LinkChange
{
    public bool? Up { get; init; }

    /// <summary>The new name. Of a link that is up only since Linux 6.2, and before that not together with <see cref="Up"/> being false either: the name comes first.</summary>
    public string? Name { get; init; }

    /// <summary>Bytes; 0 for no change.</summary>
    public int Mtu { get; init; }

    public PhysicalAddress? MacAddress { get; init; }

    /// <summary>The bridge's index; 0 takes it out of the one it is in.</summary>
    public int? Master { get; init; }

    /// <summary>A text of at most 255 bytes; "" for none.</summary>
    public string? Alias { get; init; }

    public uint? Group { get; init; }

    /// <summary>
    /// Whether it makes itself no link-local IPv6 address when it comes up, and so neither asks whether another has it nor for
    /// routers, which every port of a bridge would have to hear (addr_gen_mode none, Linux 3.17). Only on a host with IPv6.
    /// </summary>
    public bool WithoutLinkLocal { get; init; }

    /// <summary>Moves the link, which loses its addresses and its bridge, and is down there unless <see cref="Up"/> is set. The rest of the change takes place there. Has to stay open until the message is sent.</summary>
    public NamespaceHandle? Namespace { get; init; }
}
