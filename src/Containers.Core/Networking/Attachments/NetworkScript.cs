using System.Net;
using System.Net.Sockets;
using Containers.Launch;

namespace Containers.Networking;

/// <summary>The networks of a container as the commands of iproute2 and nftables that a reader would type.</summary>
internal static class NetworkScript
{
    /// <summary>Writes them. Nothing is made: an address that is to be found is shown as the first that a container of the network gets.</summary>
    public static void Write(ShellScript script, ContainerSpec spec, string id)
    {
        string name = "ctr-" + id;
        script.Outside($"\n# A network namespace of its own: links put into it are the container's");
        script.Outside($"ip netns add {name}; trap 'ip netns delete {name}' EXIT");
        script.Outside($"ip -n {name} link set lo up");
        for (int i = 0; i < spec.Networks.Length; i++)
        {
            NetSpec net = spec.Networks[i];
            if (net.Pasta)
            {
                script.Outside($"\n# Packets go through pasta (package passt), a program that needs no privileges");
                script.Outside($"pasta --config-net --netns /run/netns/{name} --runas 0{string.Concat(net.Ports.Select(port => $" {(port.Protocol == TransportProtocol.Tcp ? "-t" : "-u")} {(port.HostAddress is { } at ? $"{at}/" : "")}{port.HostPort}:{port.ContainerPort}"))}");
                continue;
            }

            (IPNetwork? subnet4, IPNetwork? subnet6, bool isolated) = Subnets(net);
            BridgeLines(script, net, subnet4, subnet6);
            LinkLines(script, name, id, net, i, subnet4, subnet6, defaultRoute: i == 0 && !isolated);
            NatLines(script, net, Rules(net, subnet4, subnet6, isolated));
        }

        script.Wrapper.AddRange(["ip", "netns", "exec", name]);
    }

    /// <summary>The addresses that it would have, and those that it would ask for names.</summary>
    public static (IReadOnlyList<IPAddress> Addresses, IReadOnlyList<IPAddress> Resolvers) Foresee(ContainerSpec spec)
    {
        List<IPAddress> addresses = [], resolvers = [];
        foreach (NetSpec net in spec.Networks)
        {
            (IPNetwork? subnet4, IPNetwork? subnet6, _) = Subnets(net);
            if (net.Pasta)
            {
                resolvers.Add(IPAddress.Loopback);
                continue;
            }

            resolvers.Add(Cidr.At((subnet4 ?? subnet6)!.Value, 1));
            addresses.AddRange(((IPAddress?[])[net.Address ?? First(subnet4), net.Address6 ?? First(subnet6)]).OfType<IPAddress>());
        }

        return (addresses, resolvers);
    }

    private static string Broadcast(IPNetwork subnet) => subnet.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? " broadcast +" : "";

    private static IPAddress? First(IPNetwork? subnet) => subnet is { } one ? Cidr.At(one, 2) : null;

    private static (IPNetwork? Subnet4, IPNetwork? Subnet6, bool Isolated) Subnets(NetSpec net)
    {
        if (net.Network is { } network)
        {
            return (network.Subnet, network.Subnet6, network.Isolated);
        }

        bool v6 = net.Subnet is { BaseAddress.AddressFamily: AddressFamily.InterNetworkV6 };
        return v6 ? (null, net.Subnet, false) : (net.Subnet ?? BridgeMaker.FirstSubnet, null, false);
    }

    private static void BridgeLines(ShellScript script, NetSpec net, IPNetwork? subnet4, IPNetwork? subnet6)
    {
        script.Outside($"\n# The bridge {net.Bridge}, made when it is missing: its address is the way out");
        script.Outside($"if ! ip link show {net.Bridge} > /dev/null 2>&1; then");
        script.Outside($"    ip link add {net.Bridge} type bridge");
        foreach (IPNetwork? subnet in (ReadOnlySpan<IPNetwork?>)[subnet4, subnet6])
        {
            if (subnet is { } one)
            {
                script.Outside($"    ip address add {Cidr.At(one, 1)}/{one.PrefixLength}{Broadcast(one)} dev {net.Bridge}");
            }
        }

        script.Outside($"    ip link set {net.Bridge} up");
        script.Outside("fi");
    }

    private static void LinkLines(ShellScript script, string name, string id, NetSpec net, int index, IPNetwork? subnet4, IPNetwork? subnet6, bool defaultRoute)
    {
        string inside = net.Interface ?? $"eth{index}";
        string host = "ctv" + (id.Length > 10 ? id[..10] : id) + index;
        script.Outside($"\n# A cable: one end on the bridge, the other in the container");
        script.Outside($"ip link add {host} master {net.Bridge} type veth peer name {inside} netns {name}{(net.MacAddress is { } mac ? $" address {mac}" : "")}");
        if (net.Mtu is { } mtu)
        {
            script.Outside($"ip link set {host} mtu {mtu}; ip -n {name} link set {inside} mtu {mtu}");
        }

        script.Outside($"ip link set {host} addrgenmode none{(subnet6 is null ? $"; ip -n {name} link set {inside} addrgenmode none" : "")}");
        script.Outside($"ip link set {host} up; ip -n {name} link set {inside} up");
        if (net.Vlan is { } vlan)
        {
            script.Outside($"bridge vlan delete dev {host} vid 1; bridge vlan add dev {host} vid {vlan} pvid untagged");
        }

        foreach ((IPNetwork? subnet, IPAddress? asked) in (ReadOnlySpan<(IPNetwork?, IPAddress?)>)[(subnet4, net.Address), (subnet6, net.Address6)])
        {
            if (subnet is { } one)
            {
                script.Outside($"ip -n {name} address add {asked ?? Cidr.At(one, 2)}/{one.PrefixLength}{Broadcast(one)} dev {inside}");
                if (defaultRoute)
                {
                    IPAddress gateway = net.Gateway is { } given && given.AddressFamily == one.BaseAddress.AddressFamily ? given : Cidr.At(one, 1);
                    script.Outside($"ip -n {name} route add default via {gateway}");
                }
            }
        }
    }

    // Names are left out: who answers them is in this process, and a shell has none.
    private static void NatLines(ShellScript script, NetSpec net, (NatNetwork Network, IReadOnlyList<PortRule> Ports) rules)
    {
        script.Outside($"\n# Addresses behind {net.Bridge} are translated to the host's, and published ports to the container's");
        foreach (string command in NatRules.ToCommands(1, batch =>
        {
            NatRules.AddTable(batch, owned: false);
            NatRules.AddNetwork(batch, rules.Network);
            NatRules.Attach(batch, rules.Ports, []);
        }))
        {
            script.Outside($"nft {ShellScript.Quote(command)}");
        }

        script.Outside($"\n# Forwarding, for this bridge and the ways out only");
        foreach (string command in Forwarding.ToCommands(net.Network?.Inner.Host.Namespace.Target, rules.Network))
        {
            script.Outside(command);
        }
    }

    private static (NatNetwork Network, IReadOnlyList<PortRule> Ports) Rules(NetSpec net, IPNetwork? subnet4, IPNetwork? subnet6, bool isolated)
    {
        IPAddress[] addresses = [.. ((IPAddress?[])[net.Address ?? First(subnet4), net.Address6 ?? First(subnet6)]).OfType<IPAddress>()];
        List<PortRule> ports = [.. net.Ports.SelectMany(port => PortRule.Of(port, addresses))];
        return (new NatNetwork(net.Bridge, subnet4, subnet6, isolated), ports);
    }
}
