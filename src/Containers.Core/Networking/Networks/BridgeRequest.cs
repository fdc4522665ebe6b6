using System.Net;
using System.Net.Sockets;

namespace Containers.Networking;

/// <summary>A bridge as it is asked for, with all texts understood.</summary>
internal sealed record BridgeRequest(string Name)
{
    public IPNetwork? Subnet4 { get; init; }

    public IPNetwork? Subnet6 { get; init; }

    public IPAddress? Gateway4 { get; init; }

    public bool Isolated { get; init; }

    public int? Mtu { get; init; }

    public HardwareAddress? MacAddress { get; init; }

    public bool VlanFiltering { get; init; }

    public bool Keep { get; init; }

    /// <summary>The bridge that a container names.</summary>
    public static BridgeRequest Of(NetSpec net)
    {
        bool v6 = net.Subnet is { BaseAddress.AddressFamily: AddressFamily.InterNetworkV6 };
        return new BridgeRequest(net.Bridge) { Subnet4 = v6 ? null : net.Subnet, Subnet6 = v6 ? net.Subnet : null };
    }

    public static BridgeRequest Of(string name, string? subnet, NetworkOptions options)
    {
        IPNetwork? first = subnet is null ? null : Cidr.ParseSubnet(subnet);
        IPNetwork? second = options.Subnet6 is null ? null : Cidr.ParseSubnet(options.Subnet6);
        if (second is { BaseAddress.AddressFamily: not AddressFamily.InterNetworkV6 })
        {
            throw new NetworkException($"The IPv6 subnet \"{options.Subnet6}\" is none of IPv6.");
        }

        bool only6 = first is { BaseAddress.AddressFamily: AddressFamily.InterNetworkV6 };
        if (only6 && second is not null)
        {
            throw new NetworkException($"The network \"{name}\" is given two IPv6 subnets: \"{subnet}\" and \"{options.Subnet6}\".");
        }

        if (options.Mtu is { } mtu and (< 68 or > 65535))
        {
            throw new NetworkException($"An MTU of {mtu} is not possible: it is 68 to 65535 bytes.");
        }

        IPAddress? gateway = options.Gateway is null ? null : Cidr.ParseAddress(options.Gateway).Address;
        if (gateway is not null && (only6 || first is not { } around || !around.Contains(gateway)))
        {
            throw new NetworkException($"The gateway {gateway} is outside of the subnet {(first is null ? "(none is given)" : subnet)}.");
        }

        return new BridgeRequest(LinkNames.Check(name))
        {
            Subnet4 = only6 ? null : first,
            Subnet6 = only6 ? first : second,
            Gateway4 = gateway,
            Isolated = options.Isolated,
            Mtu = options.Mtu,
            MacAddress = options.MacAddress is null ? null : HardwareAddress.Parse(options.MacAddress),
            VlanFiltering = options.VlanFiltering,
            Keep = options.Keep,
        };
    }
}
