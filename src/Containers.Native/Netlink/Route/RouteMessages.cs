using System.Net.Sockets;
using static Containers.Native.Netlink.NetlinkMessages;
using static Containers.Native.Netlink.Rtnetlink;

namespace Containers.Native.Netlink;

/// <summary>Messages about routes.</summary>
internal static class RouteMessages
{
    public static void AddRoute(this NetlinkMessages messages, RouteInfo route)
    {
        messages.Begin(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, "add route", route.Text, RouteHints.Route);
        Body(messages, route, route.Scope ?? Scope(route));
    }

    /// <summary>Deletes the first route that is like this one: what is not set does not matter.</summary>
    public static void DeleteRoute(this NetlinkMessages messages, RouteInfo route)
    {
        messages.Begin(RTM_DELROUTE, NLM_F_ACK, "delete route", route.Text, RouteHints.Route);
        Body(messages, route with { Protocol = 0 }, route.Scope ?? RT_SCOPE_NOWHERE);
    }

    private static void Body(NetlinkMessages messages, RouteInfo route, byte scope)
    {
        messages.Header(new rtmsg
        {
            rtm_family = Family(route.AddressFamily),
            rtm_dst_len = (byte)(route.Destination?.PrefixLength ?? 0),
            rtm_table = RT_TABLE_UNSPEC, // RTA_TABLE has room for all of them
            rtm_protocol = route.Protocol,
            rtm_scope = scope,
            rtm_type = (byte)route.Type,
            rtm_flags = route.OnLink ? RTNH_F_ONLINK : 0,
        });
        messages.U32(RTA_TABLE, route.Table);
        if (route.Destination is { PrefixLength: > 0 } destination)
        {
            messages.Address(RTA_DST, destination.BaseAddress);
        }

        if (route.Gateway is { } gateway)
        {
            messages.Address(RTA_GATEWAY, gateway);
        }

        if (route.Source is { } source)
        {
            messages.Address(RTA_PREFSRC, source);
        }

        if (route.Link != 0)
        {
            messages.U32(RTA_OIF, (uint)route.Link);
        }

        if (route.Metric != 0)
        {
            messages.U32(RTA_PRIORITY, route.Metric);
        }

        messages.End();
    }

    // How far away the destination is: the kernel takes a gateway only if it is nearer than that. IPv6 has no scopes.
    private static byte Scope(RouteInfo route) => route switch
    {
        { AddressFamily: AddressFamily.InterNetworkV6 } => RT_SCOPE_UNIVERSE,
        { Type: RouteType.Local } => RT_SCOPE_HOST,
        { Type: RouteType.Broadcast or RouteType.Anycast or RouteType.Multicast } => RT_SCOPE_LINK,
        { Type: RouteType.Unicast, Gateway: null } => RT_SCOPE_LINK,
        _ => RT_SCOPE_UNIVERSE,
    };
}
