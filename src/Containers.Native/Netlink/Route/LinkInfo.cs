using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Containers.Native.Netlink.Rtnetlink;

namespace Containers.Native.Netlink;

/// <summary>What went through a link since it was made: the first words of struct rtnl_link_stats64.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct LinkStatistics(
    ulong ReceivedPackets, ulong SentPackets, ulong ReceivedBytes, ulong SentBytes, ulong ReceiveErrors, ulong SendErrors, ulong ReceiveDropped, ulong SendDropped);

/// <summary>A link as the kernel tells it.</summary>
internal sealed record LinkInfo
{
    public required int Index { get; init; }

    public required string Name { get; init; }

    /// <summary>"bridge", "veth", "vlan", …; null for hardware and lo.</summary>
    public string? Kind { get; init; }

    /// <summary>IFF_….</summary>
    public uint Flags { get; init; }

    public bool IsUp => (Flags & IFF_UP) != 0;

    /// <summary>Whether there is something at the other end that is up, too.</summary>
    public bool HasCarrier => (Flags & IFF_LOWER_UP) != 0;

    public int Mtu { get; init; }

    public PhysicalAddress MacAddress { get; init; } = PhysicalAddress.None;

    /// <summary>The index of the bridge that it is a port of; 0 for none.</summary>
    public int Master { get; init; }

    public string? Alias { get; init; }

    public uint Group { get; init; }

    /// <summary>The index of the peer of a veth, or of the parent of a VLAN or macvlan; 0 for none. Where <see cref="PeerNamespaceId"/> is not null it is a number of that namespace.</summary>
    public int PeerIndex { get; init; }

    /// <summary>What this namespace calls the one of the peer or parent (ip netns list-id); null where it is in the same.</summary>
    public int? PeerNamespaceId { get; init; }

    /// <summary>Of a VLAN link; 0 for others.</summary>
    public int VlanId { get; init; }

    /// <summary>Of a bridge: whether its ports belong to VLANs.</summary>
    public bool VlanFiltering { get; init; }

    public LinkStatistics Statistics { get; init; }

    /// <summary>Reads what RTM_NEWLINK has.</summary>
    public static LinkInfo Read(ReadOnlySpan<byte> payload)
    {
        ifinfomsg header = MemoryMarshal.Read<ifinfomsg>(payload);
        LinkInfo link = new() { Index = header.ifi_index, Name = "", Flags = header.ifi_flags };
        foreach (NetlinkAttribute attribute in new NetlinkAttributes(payload[Unsafe.SizeOf<ifinfomsg>()..]))
        {
            link = attribute.Type switch
            {
                IFLA_IFNAME => link with { Name = attribute.Text },
                IFLA_ADDRESS => link with { MacAddress = new PhysicalAddress(attribute.Value.ToArray()) },
                IFLA_MTU => link with { Mtu = attribute.I32 },
                IFLA_MASTER => link with { Master = attribute.I32 },
                IFLA_IFALIAS => link with { Alias = attribute.Text },
                IFLA_GROUP => link with { Group = attribute.U32 },
                IFLA_LINK => link with { PeerIndex = attribute.I32 },
                IFLA_LINK_NETNSID => link with { PeerNamespaceId = attribute.I32 },
                IFLA_STATS64 => link with { Statistics = MemoryMarshal.Read<LinkStatistics>(attribute.Value) },
                IFLA_LINKINFO => ReadKind(link, attribute.Value),
                _ => link,
            };
        }

        return link;
    }

    private static LinkInfo ReadKind(LinkInfo link, ReadOnlySpan<byte> info)
    {
        if (NetlinkAttributes.Find(info, IFLA_INFO_KIND) is not { IsEmpty: false } kind)
        {
            return link; // hardware that is a port has the kind of its master there only
        }

        link = link with { Kind = new NetlinkAttribute(IFLA_INFO_KIND, kind).Text };
        ReadOnlySpan<byte> data = NetlinkAttributes.Find(info, IFLA_INFO_DATA);
        return link.Kind switch
        {
            "vlan" when NetlinkAttributes.Find(data, IFLA_VLAN_ID) is { Length: 2 } id => link with { VlanId = MemoryMarshal.Read<ushort>(id) },
            "bridge" when NetlinkAttributes.Find(data, IFLA_BR_VLAN_FILTERING) is { Length: 1 } on => link with { VlanFiltering = on[0] != 0 },
            _ => link,
        };
    }
}
