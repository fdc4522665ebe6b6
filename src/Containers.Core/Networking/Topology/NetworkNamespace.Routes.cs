using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Containers.Native;
using Containers.Native.Netlink;

namespace Containers;

public sealed partial class NetworkNamespace
{
    /// <summary>Adds a route.</summary>
    /// <param name="destination">A prefix such as "10.2.0.0/16" or "fd00:2::/64", or "default".</param>
    /// <param name="gateway">The address of the router; null where the destination is on the link itself.</param>
    /// <param name="link">The link; null for the one where the gateway is.</param>
    /// <exception cref="NetlinkException">EEXIST: there is one; ENETUNREACH: no link leads to the gateway; ENETDOWN: the link is down.</exception>
    /// <exception cref="ContainerException">What is written is no prefix or address.</exception>
    public void AddRoute(string destination, string? gateway = null, NetworkLink? link = null) => AddRoute(Parse(destination, gateway, link));

    /// <inheritdoc cref="AddRoute(string, string, NetworkLink)"/>
    public void AddRoute(NetworkRoute route)
    {
        RouteInfo info = Convert(route);
        Route.Transact(messages => messages.AddRoute(info));
    }

    /// <summary>Deletes a route: the first with what is given; what is not given does not matter.</summary>
    /// <param name="destination">As it was added.</param>
    /// <param name="gateway">As it was added.</param>
    /// <param name="link">As it was added.</param>
    /// <exception cref="NetlinkException">ESRCH: there is none.</exception>
    /// <exception cref="ContainerException">What is written is no prefix or address.</exception>
    public void DeleteRoute(string destination, string? gateway = null, NetworkLink? link = null) => DeleteRoute(Parse(destination, gateway, link));

    /// <inheritdoc cref="DeleteRoute(string, string, NetworkLink)"/>
    public void DeleteRoute(NetworkRoute route)
    {
        RouteInfo info = Convert(route);
        Route.Transact(messages => messages.DeleteRoute(info));
    }

    /// <summary>The routes of the main table, the kernel's own among them.</summary>
    /// <param name="ipv6">Those for IPv6 rather than for IPv4.</param>
    public IReadOnlyList<NetworkRoute> Routes(bool ipv6 = false)
        => [.. Route.GetRoutes(ipv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork).Where(route => Enum.IsDefined((NetworkRouteType)route.Type)).Select(route => new NetworkRoute
        {
            Destination = route.Destination ?? NetworkAddress.Everything(route.AddressFamily),
            Gateway = route.Gateway,
            Link = route.Link != 0 && Route.TryGetLink(route.Link) is { } link ? new NetworkLink(this, link) : null,
            Table = route.Table,
            Metric = route.Metric,
            Type = (NetworkRouteType)route.Type,
            OnLink = route.OnLink,
        })];

    /// <summary>Adds a rule that says which table of routes serves which packets.</summary>
    /// <param name="rule">The rule.</param>
    /// <exception cref="NetlinkException">EEXIST: there is such a rule; EOPNOTSUPP: the kernel has no rules.</exception>
    public void AddRule(NetworkRule rule)
    {
        RuleInfo info = Convert(rule);
        Route.Transact(messages => messages.AddRule(info));
    }

    /// <summary>Deletes a rule: the first with what is given; what is not given does not matter.</summary>
    /// <param name="rule">The rule.</param>
    /// <exception cref="NetlinkException">ENOENT: there is none.</exception>
    public void DeleteRule(NetworkRule rule)
    {
        RuleInfo info = Convert(rule);
        Route.Transact(messages => messages.DeleteRule(info));
    }

    /// <summary>Says who has an address on a link, so that nobody is asked. Replaces what was said before.</summary>
    /// <param name="link">The link.</param>
    /// <param name="address">An IPv4 or IPv6 address.</param>
    /// <param name="mac">The MAC address.</param>
    /// <exception cref="ContainerException">What is written is no address.</exception>
    public void AddNeighbour(NetworkLink link, string address, PhysicalAddress mac)
    {
        ArgumentNullException.ThrowIfNull(link);
        ArgumentNullException.ThrowIfNull(mac);
        IPAddress ip = NetworkAddress.ParseAddress(address);
        Route.Transact(messages => messages.AddNeighbour(link.Index, ip, mac));
    }

    /// <summary>Takes back who has an address on a link.</summary>
    /// <param name="link">The link.</param>
    /// <param name="address">An IPv4 or IPv6 address.</param>
    /// <exception cref="NetlinkException">ENOENT: nothing was said.</exception>
    public void DeleteNeighbour(NetworkLink link, string address)
    {
        ArgumentNullException.ThrowIfNull(link);
        IPAddress ip = NetworkAddress.ParseAddress(address);
        Route.Transact(messages => messages.DeleteNeighbour(link.Index, ip));
    }

    /// <summary>Sends on what comes in by one link and is for elsewhere: it is a router then, on all of its links.</summary>
    /// <param name="ipv6">For IPv6, too. That ends the taking of addresses from other routers' advertisements.</param>
    /// <exception cref="KernelException">EROFS: /proc/sys is read-only here; ENOENT: the kernel has no IPv6.</exception>
    public void EnableForwarding(bool ipv6 = false)
    {
        if (ipv6)
        {
            NetworkSetting.Write(Target, "ipv6/conf/all/forwarding", "1"); // first, since it is the one that may be missing
        }

        NetworkSetting.Write(Target, "ipv4/ip_forward", "1");
    }

    private static NetworkRoute Parse(string destination, string? gateway, NetworkLink? link)
    {
        ArgumentNullException.ThrowIfNull(destination);
        IPAddress? router = gateway is null ? null : NetworkAddress.ParseAddress(gateway);
        IPNetwork prefix = destination == "default"
            ? NetworkAddress.Everything(router?.AddressFamily ?? AddressFamily.InterNetwork)
            : NetworkAddress.ParsePrefix(destination);
        return new NetworkRoute { Destination = prefix, Gateway = router, Link = link };
    }

    private static RouteInfo Convert(NetworkRoute route)
    {
        ArgumentNullException.ThrowIfNull(route);
        return route.Gateway is not null && route.Gateway.AddressFamily != route.Destination.BaseAddress.AddressFamily
            ? throw new ContainerException($"A route to {route.Destination} cannot go by way of {route.Gateway}.", "Both are IPv4, or both IPv6.")
            : new RouteInfo
            {
                Destination = route.Destination,
                Gateway = route.Gateway,
                Link = route.Link?.Index ?? 0,
                Table = route.Table,
                Metric = route.Metric,
                Type = (RouteType)route.Type,
                OnLink = route.OnLink,
            };
    }

    private static RuleInfo Convert(NetworkRule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return new RuleInfo
        {
            Family = rule.Ipv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork,
            From = rule.From,
            To = rule.To,
            InputLink = rule.InputLink,
            Mark = rule.Mark,
            Table = rule.Table,
            Priority = rule.Priority,
        };
    }
}
