using System.Net;
using System.Net.Sockets;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>Makes bridges, and removes them.</summary>
internal static class BridgeMaker
{
    /// <summary>The group of links (ip link: "group") that our bridges are in, so that one whose maker was killed before it had its alias is known, too. "ctr" in ASCII.</summary>
    public const uint Group = 0x637472;

    /// <summary>Makes a bridge with its addresses, up. Nothing is left of it when something fails.</summary>
    public static LinkInfo Make(HostNetwork host, BridgeRequest request)
    {
        IPNetwork? subnet4 = request.Subnet4 ?? (request.Subnet6 is null ? FreeSubnet(host) : null);
        foreach (IPNetwork? asked in (ReadOnlySpan<IPNetwork?>)[subnet4, request.Subnet6])
        {
            if (asked is { } subnet)
            {
                CheckFree(host, request.Name, subnet);
            }
        }

        IPAddress? gateway4 = subnet4 is { } four ? request.Gateway4 ?? Cidr.At(four, 1) : null;
        IPAddress? gateway6 = request.Subnet6 is { } six ? Cidr.At(six, 1) : null;
        string[] flags = [.. request.Isolated ? [BridgeNetwork.IsolatedFlag] : Array.Empty<string>(), .. request.Keep ? [BridgeNetwork.KeepFlag] : Array.Empty<string>()];
        HardwareAddress mac = request.MacAddress ?? HardwareAddress.Of((gateway4 ?? gateway6)!);
        NetlinkMessages messages = new();
        messages.AddBridge(request.Name, new BridgeSettings
        {
            // Its own, since a bridge without one takes the lowest of its ports', and changes it as they come and go.
            MacAddress = mac.Value,
            Mtu = request.Mtu ?? 0,
            VlanFiltering = request.VlanFiltering,
            Group = Group, // it is ours from the first moment; the kernel takes no alias with a new link
        });
        host.Route.Transact(messages);
        LinkInfo link = host.Route.TryGetLink(request.Name) ?? throw new NetworkException($"The bridge \"{request.Name}\" was removed by someone while it was made.");
        try
        {
            messages.Clear();
            messages.SetLink(link.Index, new LinkChange { Up = true, Alias = LinkAlias.Bridge(flags).ToString() }, request.Name);
            if (gateway4 is not null)
            {
                messages.AddAddress(link.Index, gateway4, subnet4!.Value.PrefixLength);
            }

            if (gateway6 is not null)
            {
                messages.AddAddress(link.Index, gateway6, request.Subnet6!.Value.PrefixLength);
            }

            host.Route.Transact(messages);
            return host.Route.TryGetLink(link.Index) ?? link;
        }
        catch
        {
            Delete(host, link);
            throw;
        }
    }

    public static void Delete(HostNetwork host, LinkInfo? link)
    {
        if (link is null)
        {
            return;
        }

        NetlinkMessages messages = new();
        messages.DeleteLink(link.Index, link.Name);
        host.Route.Transact(messages);
    }

    private static void CheckFree(HostNetwork host, string name, IPNetwork subnet)
    {
        if (Clash(host, subnet) is { } route)
        {
            throw new NetworkException($"The subnet {subnet} of the network \"{name}\" clashes with a route of the host: {route.Text} leads to {route.Link}.", "Choose another subnet.");
        }
    }

    /// <summary>The subnet of the first bridge that names none.</summary>
    public static IPNetwork FirstSubnet { get; } = IPNetwork.Parse("172.30.0.0/16");

    // The ranges of RFC 1918 that others use least: behind docker's, and podman's 10.88 and 10.89.
    private static IPNetwork FreeSubnet(HostNetwork host)
    {
        foreach (string prefix in (ReadOnlySpan<string>)["172.30", "172.31", "10.201", "10.202", "10.203", "10.204", "10.205", "10.206", "10.207", "10.208"])
        {
            IPNetwork subnet = IPNetwork.Parse(prefix + ".0.0/16");
            if (Clash(host, subnet) is null)
            {
                return subnet;
            }
        }

        throw new NetworkException("No subnet is free for a bridge: each of those that are tried clashes with a route of the host.", "Name one: Bridge(\"name\", \"subnet\").");
    }

    private static (string Text, string Link)? Clash(HostNetwork host, IPNetwork subnet)
    {
        foreach (RouteInfo route in host.Route.GetRoutes(subnet.BaseAddress.AddressFamily))
        {
            if (route.Destination is { PrefixLength: > 0 } destination && !destination.BaseAddress.IsIPv6LinkLocal && !destination.BaseAddress.IsIPv6Multicast
                && Cidr.Overlap(destination, subnet))
            {
                return (destination.ToString(), host.Route.TryGetLink(route.Link)?.Name ?? "nowhere");
            }
        }

        return null;
    }
}
