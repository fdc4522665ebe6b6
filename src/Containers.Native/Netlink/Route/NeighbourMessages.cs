using System.Net;
using System.Net.NetworkInformation;
using static Containers.Native.Netlink.NetlinkMessages;
using static Containers.Native.Netlink.Rtnetlink;

namespace Containers.Native.Netlink;

/// <summary>Messages about who has which MAC address on a link: arp(7), and its like for IPv6.</summary>
internal static class NeighbourMessages
{
    /// <summary>A permanent entry: it is not asked for on the link. Replaces one for the same address.</summary>
    public static void AddNeighbour(this NetlinkMessages messages, int link, IPAddress address, PhysicalAddress mac)
    {
        messages.Begin(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, "add neighbour", address.ToString(), RouteHints.Neighbour);
        messages.Header(new ndmsg { ndm_family = Family(address.AddressFamily), ndm_ifindex = link, ndm_state = NUD_PERMANENT });
        messages.Address(NDA_DST, address);
        messages.Attribute(NDA_LLADDR, mac.GetAddressBytes());
        messages.End();
    }

    public static void DeleteNeighbour(this NetlinkMessages messages, int link, IPAddress address)
    {
        messages.Begin(RTM_DELNEIGH, NLM_F_ACK, "delete neighbour", address.ToString(), RouteHints.Neighbour);
        messages.Header(new ndmsg { ndm_family = Family(address.AddressFamily), ndm_ifindex = link });
        messages.Address(NDA_DST, address);
        messages.End();
    }
}
