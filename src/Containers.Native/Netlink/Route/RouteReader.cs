using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Containers.Native.Netlink.Rtnetlink;

namespace Containers.Native.Netlink;

/// <summary>An address of a link.</summary>
/// <param name="Flags">IFA_F_…, such as IFA_F_TENTATIVE: not yet to be used.</param>
internal sealed record AddressInfo(int Link, IPAddress Address, int PrefixLength, byte Scope, uint Flags);

/// <summary>Who has an address on a link.</summary>
/// <param name="MacAddress">Null where it is not known.</param>
/// <param name="State">NUD_….</param>
internal sealed record NeighbourInfo(int Link, IPAddress Address, PhysicalAddress? MacAddress, ushort State);

/// <summary>A VLAN that a port, or a bridge, belongs to.</summary>
internal sealed record BridgeVlanInfo(int Link, ushort Id, bool Pvid, bool Untagged);

/// <summary>A queueing discipline.</summary>
/// <param name="Handle">Its number, in the upper 16 bits.</param>
/// <param name="Parent">TC_H_ROOT, or the class of another that it is of.</param>
/// <param name="Options">As the kernel tells them.</param>
internal sealed record QueueingInfo(int Link, string Kind, uint Handle, uint Parent, byte[] Options)
{
    public bool IsRoot => Parent == TC_H_ROOT;
}

/// <summary>Reads the kernel's answers.</summary>
internal static class RouteReader
{
    public static AddressInfo Address(ReadOnlySpan<byte> payload)
    {
        ifaddrmsg header = Header<ifaddrmsg>(payload, out NetlinkAttributes attributes);
        IPAddress? local = null, address = null;
        uint flags = header.ifa_flags;
        foreach (NetlinkAttribute attribute in attributes)
        {
            switch (attribute.Type)
            {
                case IFA_LOCAL: local = new IPAddress(attribute.Value); break;
                case IFA_ADDRESS: address = new IPAddress(attribute.Value); break; // the peer's of a point-to-point link; IPv6 has this one only
                case IFA_FLAGS: flags = attribute.U32; break;
            }
        }

        return new AddressInfo(header.ifa_index, local ?? address ?? IPAddress.None, header.ifa_prefixlen, header.ifa_scope, flags);
    }

    public static RouteInfo Route(ReadOnlySpan<byte> payload)
    {
        rtmsg header = Header<rtmsg>(payload, out NetlinkAttributes attributes);
        RouteInfo route = new()
        {
            Family = Family(header.rtm_family),
            Table = header.rtm_table,
            Protocol = header.rtm_protocol,
            Scope = header.rtm_scope,
            Type = (RouteType)header.rtm_type,
            OnLink = (header.rtm_flags & RTNH_F_ONLINK) != 0,
        };
        foreach (NetlinkAttribute attribute in attributes)
        {
            route = attribute.Type switch
            {
                RTA_DST => route with { Destination = new IPNetwork(new IPAddress(attribute.Value), header.rtm_dst_len) },
                RTA_GATEWAY => route with { Gateway = new IPAddress(attribute.Value) },
                RTA_PREFSRC => route with { Source = new IPAddress(attribute.Value) },
                RTA_OIF => route with { Link = attribute.I32 },
                RTA_PRIORITY => route with { Metric = attribute.U32 },
                RTA_TABLE => route with { Table = attribute.U32 },
                _ => route,
            };
        }

        return route;
    }

    public static NeighbourInfo Neighbour(ReadOnlySpan<byte> payload)
    {
        ndmsg header = Header<ndmsg>(payload, out NetlinkAttributes attributes);
        IPAddress address = IPAddress.None;
        PhysicalAddress? mac = null;
        foreach (NetlinkAttribute attribute in attributes)
        {
            switch (attribute.Type)
            {
                case NDA_DST: address = new IPAddress(attribute.Value); break;
                case NDA_LLADDR: mac = new PhysicalAddress(attribute.Value.ToArray()); break;
            }
        }

        return new NeighbourInfo(header.ndm_ifindex, address, mac, header.ndm_state);
    }

    public static RuleInfo Rule(ReadOnlySpan<byte> payload)
    {
        fib_rule_hdr header = Header<fib_rule_hdr>(payload, out NetlinkAttributes attributes);
        RuleInfo rule = new() { Family = Family(header.family), Table = header.table, Action = header.action, Priority = 0 };
        foreach (NetlinkAttribute attribute in attributes)
        {
            rule = attribute.Type switch
            {
                FRA_SRC => rule with { From = new IPNetwork(new IPAddress(attribute.Value), header.src_len) },
                FRA_DST => rule with { To = new IPNetwork(new IPAddress(attribute.Value), header.dst_len) },
                FRA_IIFNAME => rule with { InputLink = attribute.Text },
                FRA_OIFNAME => rule with { OutputLink = attribute.Text },
                FRA_FWMARK => rule with { Mark = attribute.U32 },
                FRA_FWMASK => rule with { MarkMask = attribute.U32 },
                FRA_PRIORITY => rule with { Priority = attribute.U32 },
                FRA_TABLE => rule with { Table = attribute.U32 },
                _ => rule,
            };
        }

        return rule;
    }

    public static List<BridgeVlanInfo> BridgeVlans(ReadOnlySpan<byte> payload)
    {
        ifinfomsg header = Header<ifinfomsg>(payload, out NetlinkAttributes attributes);
        List<BridgeVlanInfo> vlans = [];
        foreach (NetlinkAttribute attribute in attributes)
        {
            if (attribute.Type != IFLA_AF_SPEC)
            {
                continue;
            }

            foreach (NetlinkAttribute inner in attribute.Nested)
            {
                if (inner.Type == IFLA_BRIDGE_VLAN_INFO && inner.Value.Length >= 4)
                {
                    ushort flags = inner.U16; // struct bridge_vlan_info: flags, vid
                    vlans.Add(new BridgeVlanInfo(header.ifi_index, MemoryMarshal.Read<ushort>(inner.Value[2..]),
                        (flags & BRIDGE_VLAN_INFO_PVID) != 0, (flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0));
                }
            }
        }

        return vlans;
    }

    public static QueueingInfo Queueing(ReadOnlySpan<byte> payload)
    {
        tcmsg header = Header<tcmsg>(payload, out NetlinkAttributes attributes);
        string kind = "";
        byte[] options = [];
        foreach (NetlinkAttribute attribute in attributes)
        {
            switch (attribute.Type)
            {
                case TCA_KIND: kind = attribute.Text; break;
                case TCA_OPTIONS: options = attribute.Value.ToArray(); break;
            }
        }

        return new QueueingInfo(header.tcm_ifindex, kind, header.tcm_handle, header.tcm_parent, options);
    }

    private static T Header<T>(ReadOnlySpan<byte> payload, out NetlinkAttributes attributes)
        where T : unmanaged
    {
        attributes = new NetlinkAttributes(payload[Unsafe.SizeOf<T>()..]);
        return MemoryMarshal.Read<T>(payload);
    }
}
