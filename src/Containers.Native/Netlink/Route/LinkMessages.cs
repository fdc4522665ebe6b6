using System.Globalization;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using static Containers.Native.Netlink.NetlinkMessages;
using static Containers.Native.Netlink.Rtnetlink;

namespace Containers.Native.Netlink;

/// <summary>Messages that make, change and delete links: one RTM_NEWLINK or RTM_DELLINK each, acknowledged.</summary>
internal static class LinkMessages
{
    private const ushort Make = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;

    public static void AddBridge(this NetlinkMessages messages, string name, in BridgeSettings settings = default)
    {
        LinkSettings link = new() { MacAddress = settings.MacAddress, Mtu = settings.Mtu, Up = settings.Up, Group = settings.Group };
        Begin(messages, "add bridge", name, link, 0, settings.VlanFiltering ? RouteHints.FilteringBridge : RouteHints.Bridge);
        using (messages.Nest(IFLA_LINKINFO))
        {
            messages.Text(IFLA_INFO_KIND, "bridge");
            if (settings.VlanFiltering)
            {
                using (messages.Nest(IFLA_INFO_DATA))
                {
                    messages.U8(IFLA_BR_VLAN_FILTERING, 1);
                }
            }
        }

        messages.End();
    }

    /// <summary>Both ends of a pair at once, each in its namespace with its name: there is no moment at which someone sees half of it. The peer is down.</summary>
    /// <param name="name">Our end, in the socket's namespace.</param>
    /// <param name="peerName">The other end.</param>
    /// <param name="peerNamespace">Where the other end is; null for the socket's namespace. Has to stay open until the message is sent.</param>
    public static void AddVeth(this NetlinkMessages messages, string name, string peerName, NamespaceHandle? peerNamespace, in VethSettings settings = default)
    {
        LinkSettings link = new() { MacAddress = settings.MacAddress, Mtu = settings.Mtu, Master = settings.Master, Up = settings.Up, Group = settings.Group };
        LinkName.Check(peerName);
        Begin(messages, "add veth pair", name, link, 0, RouteHints.Veth);
        using (messages.Nest(IFLA_LINKINFO))
        {
            messages.Text(IFLA_INFO_KIND, "veth");
            using (messages.Nest(IFLA_INFO_DATA))
            using (messages.Nest(VETH_INFO_PEER))
            {
                messages.Header(default(ifinfomsg));
                messages.Text(IFLA_IFNAME, peerName);
                Common(messages, settings.PeerMacAddress, settings.Mtu, settings.Group, peerNamespace);
            }
        }

        messages.End();
    }

    /// <param name="parent">The index of the link whose frames with the tag of the VLAN it has, without the tag.</param>
    /// <param name="id">1 to 4094.</param>
    public static void AddVlan(this NetlinkMessages messages, string name, int parent, int id, in LinkSettings settings = default)
    {
        VlanId.Check(id);
        Begin(messages, "add VLAN link", name, settings, parent, RouteHints.Vlan);
        using (messages.Nest(IFLA_LINKINFO))
        {
            messages.Text(IFLA_INFO_KIND, "vlan");
            using (messages.Nest(IFLA_INFO_DATA))
            {
                messages.U16(IFLA_VLAN_ID, (ushort)id);
            }
        }

        messages.End();
    }

    /// <param name="parent">The index of the link that it is another address of. It may be in the socket's namespace while the new link is in another.</param>
    /// <param name="mode">MACVLAN_MODE_…: how those over one parent see each other.</param>
    public static void AddMacvlan(this NetlinkMessages messages, string name, int parent, uint mode, in LinkSettings settings = default)
    {
        Begin(messages, "add macvlan link", name, settings, parent, RouteHints.Macvlan);
        using (messages.Nest(IFLA_LINKINFO))
        {
            messages.Text(IFLA_INFO_KIND, "macvlan");
            using (messages.Nest(IFLA_INFO_DATA))
            {
                messages.U32(IFLA_MACVLAN_MODE, mode);
            }
        }

        messages.End();
    }

    /// <param name="vni">The network's id, 0 to 16777215.</param>
    public static void AddVxlan(this NetlinkMessages messages, string name, int vni, in VxlanSettings vxlan, in LinkSettings settings = default)
    {
        if (vni is < 0 or > 0xFFFFFF)
        {
            throw new ContainerException(string.Create(CultureInfo.InvariantCulture, $"{vni} is no id of a VXLAN network."), "It has 24 bits: 0 to 16777215.");
        }

        Begin(messages, "add VXLAN link", name, settings, 0, RouteHints.Vxlan);
        using (messages.Nest(IFLA_LINKINFO))
        {
            messages.Text(IFLA_INFO_KIND, "vxlan");
            using (messages.Nest(IFLA_INFO_DATA))
            {
                messages.U32(IFLA_VXLAN_ID, (uint)vni);
                if (vxlan.Link != 0)
                {
                    messages.U32(IFLA_VXLAN_LINK, (uint)vxlan.Link);
                }

                if (vxlan.Remote is { } remote)
                {
                    messages.Address(remote.AddressFamily == AddressFamily.InterNetwork ? IFLA_VXLAN_GROUP : IFLA_VXLAN_GROUP6, remote);
                }

                if (vxlan.Local is { } local)
                {
                    messages.Address(local.AddressFamily == AddressFamily.InterNetwork ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, local);
                }

                messages.U16BigEndian(IFLA_VXLAN_PORT, vxlan.Port);
                messages.U8(IFLA_VXLAN_LEARNING, vxlan.Learning ? (byte)1 : (byte)0);
            }
        }

        messages.End();
    }

    public static void AddDummy(this NetlinkMessages messages, string name, in LinkSettings settings = default)
    {
        Begin(messages, "add dummy link", name, settings, 0, RouteHints.Dummy);
        using (messages.Nest(IFLA_LINKINFO))
        {
            messages.Text(IFLA_INFO_KIND, "dummy");
        }

        messages.End();
    }

    /// <param name="link">Its index; 0 for the one of the name.</param>
    /// <param name="name">What it is called, for errors, or to find it where the index is 0.</param>
    public static void SetLink(this NetlinkMessages messages, int link, in LinkChange change, string? name = null)
    {
        if (change.Name is not null)
        {
            LinkName.Check(change.Name);
        }

        if (change.Alias is { } text && Encoding.UTF8.GetByteCount(text) >= IFALIASZ)
        {
            throw new ContainerException($"The alias \"{text}\" is longer than the {IFALIASZ - 1} bytes that a link keeps.");
        }

        uint flags = change.Up == true ? IFF_UP : 0;
        Begin(messages, RTM_NEWLINK, NLM_F_ACK, "set link", link, name, new ifinfomsg { ifi_flags = flags, ifi_change = change.Up is null ? 0 : IFF_UP }, change.Name);
        Common(messages, change.MacAddress, change.Mtu, 0, change.Namespace);
        if (change.Group is { } group)
        {
            messages.U32(IFLA_GROUP, group);
        }

        if (change.Master is { } master)
        {
            messages.U32(IFLA_MASTER, (uint)master);
        }

        if (change.WithoutLinkLocal)
        {
            using (messages.Nest(IFLA_AF_SPEC))
            using (messages.Nest(Kernel.AF_INET6))
            {
                messages.U8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
            }
        }

        if (change.Alias is { } alias)
        {
            messages.Attribute(IFLA_IFALIAS, Encoding.UTF8.GetBytes(alias)); // without a zero, which would be kept as a part of it
        }

        messages.End();
    }

    /// <summary>Whether the ports of a bridge belong to VLANs.</summary>
    public static void SetVlanFiltering(this NetlinkMessages messages, int bridge, bool on, string? name = null)
    {
        messages.Begin(RTM_NEWLINK, NLM_F_ACK, "set VLAN filtering", name ?? Number(bridge), RouteHints.FilteringBridge);
        messages.Header(new ifinfomsg { ifi_index = bridge });
        using (messages.Nest(IFLA_LINKINFO))
        {
            messages.Text(IFLA_INFO_KIND, "bridge");
            using (messages.Nest(IFLA_INFO_DATA))
            {
                messages.U8(IFLA_BR_VLAN_FILTERING, on ? (byte)1 : (byte)0);
            }
        }

        messages.End();
    }

    /// <summary>How a bridge treats one of its ports.</summary>
    /// <param name="hairpin">Whether a frame may leave by the port that it came in by.</param>
    /// <param name="isolated">Whether it reaches those ports only that are not isolated. Linux 4.18+.</param>
    public static void SetBridgePort(this NetlinkMessages messages, int port, bool? hairpin = null, bool? isolated = null, string? name = null)
    {
        messages.Begin(RTM_SETLINK, NLM_F_ACK, "set bridge port", name ?? Number(port), RouteHints.Link);
        messages.Header(new ifinfomsg { ifi_family = Kernel.AF_BRIDGE, ifi_index = port });
        using (messages.Nest(IFLA_PROTINFO))
        {
            if (hairpin is { } mode)
            {
                messages.U8(IFLA_BRPORT_MODE, mode ? (byte)1 : (byte)0);
            }

            if (isolated is { } alone)
            {
                messages.U8(IFLA_BRPORT_ISOLATED, alone ? (byte)1 : (byte)0);
            }
        }

        messages.End();
    }

    /// <summary>Deletes a link; the peer of a veth goes with it.</summary>
    /// <param name="link">Its index; 0 for the one of the name.</param>
    /// <param name="name">What it is called, for errors, or to find it where the index is 0.</param>
    public static void DeleteLink(this NetlinkMessages messages, int link, string? name = null)
    {
        Begin(messages, RTM_DELLINK, NLM_F_ACK, "delete link", link, name, default, null);
        messages.End();
    }

    internal static string Number(int link) => link.ToString(CultureInfo.InvariantCulture);

    private static void Begin(NetlinkMessages messages, string operation, string name, in LinkSettings settings, int parent, Func<Errno, string?> hint)
    {
        LinkName.Check(name);
        messages.Begin(RTM_NEWLINK, Make, operation, name, hint);
        messages.Header(new ifinfomsg { ifi_flags = settings.Up ? IFF_UP : 0, ifi_change = settings.Up ? IFF_UP : 0 });
        messages.Text(IFLA_IFNAME, name);
        Common(messages, settings.MacAddress, settings.Mtu, settings.Group, settings.Namespace);
        if (parent != 0)
        {
            messages.U32(IFLA_LINK, (uint)parent);
        }

        if (settings.Master != 0)
        {
            messages.U32(IFLA_MASTER, (uint)settings.Master);
        }
    }

    private static void Begin(NetlinkMessages messages, ushort type, ushort flags, string operation, int link, string? name, ifinfomsg header, string? newName)
    {
        messages.Begin(type, flags, operation, name ?? Number(link), RouteHints.Link);
        header.ifi_index = link;
        messages.Header(header);
        if (link == 0)
        {
            messages.Text(IFLA_IFNAME, LinkName.Check(name ?? "")); // then a new name cannot be given: it is told from the old one by the index
        }
        else if (newName is not null)
        {
            messages.Text(IFLA_IFNAME, newName);
        }
    }

    private static void Common(NetlinkMessages messages, PhysicalAddress? mac, int mtu, uint group, NamespaceHandle? networkNamespace)
    {
        if (mac is not null)
        {
            messages.Attribute(IFLA_ADDRESS, mac.GetAddressBytes());
        }

        if (mtu != 0)
        {
            messages.U32(IFLA_MTU, (uint)mtu);
        }

        if (group != 0)
        {
            messages.U32(IFLA_GROUP, group);
        }

        if (networkNamespace is not null)
        {
            messages.U32(IFLA_NET_NS_FD, (uint)networkNamespace.Descriptor);
        }
    }
}
