using System.Net;
using System.Net.Sockets;
using Containers.Networking;

namespace Containers;

/// <summary>Describes one network of a container. Immutable, as <see cref="ContainerBuilder"/> is. What is malformed is refused at once, with a <see cref="NetworkException"/>.</summary>
public sealed class NetBuilder
{
    internal NetBuilder(NetSpec spec) => Spec = spec;

    /// <summary>What has been described so far.</summary>
    public NetSpec Spec { get; }

    /// <summary>Attaches to a bridge of this library's: it is made when it is missing, and refused when it is someone else's.</summary>
    /// <param name="name">At most 15 bytes.</param>
    public NetBuilder Bridge(string name) => new(Spec with { Bridge = LinkName(name), Network = null, Pasta = false });

    /// <inheritdoc cref="Bridge(string)"/>
    /// <param name="subnet">The subnet it has, or gets: "172.30.0.0/16".</param>
    public NetBuilder Bridge(string name, string subnet) => new(Spec with { Bridge = LinkName(name), Subnet = Cidr.ParseSubnet(Text(subnet)), Network = null, Pasta = false });

    /// <summary>Attaches to a network that is open.</summary>
    /// <param name="network">The network.</param>
    public NetBuilder Network(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return new(Spec with { Network = network, Bridge = network.Name, Pasta = false });
    }

    /// <summary>
    /// Sends packets through pasta (the package passt) instead of a bridge: user-mode networking that changes nothing on the host and needs no
    /// privileges there. The container has the host's addresses; containers do not see each other.
    /// </summary>
    public NetBuilder Pasta() => new(Spec with { Pasta = true, Network = null });

    /// <summary>Asks for an address. Called twice, it can ask for one of IPv4 and one of IPv6.</summary>
    /// <param name="address">As "172.30.0.3", or "172.30.0.3/16": then that is the subnet of the bridge, which is made with it when it is missing.</param>
    public NetBuilder Address(string address)
    {
        (IPAddress parsed, int? prefix) = Cidr.ParseAddress(Text(address));
        if (parsed.AddressFamily == AddressFamily.InterNetworkV6)
        {
            return new(Spec with { Address6 = parsed });
        }

        IPNetwork? subnet = prefix is { } length ? Cidr.ParseSubnet(Cidr.Around(parsed, length).ToString()) : null;
        return new(Spec with { Address = parsed, Subnet = subnet ?? Spec.Subnet });
    }

    /// <summary>Sends what is not for the subnet to another address than the bridge's. Of several networks, the one with a gateway has the default route.</summary>
    /// <param name="address">An address in the subnet.</param>
    public NetBuilder Gateway(string address)
    {
        (IPAddress parsed, int? prefix) = Cidr.ParseAddress(Text(address));
        return prefix is null ? new(Spec with { Gateway = parsed }) : throw new NetworkException($"The gateway \"{address}\" is an address and has no prefix length.");
    }

    /// <summary>Makes a TCP port of the container reachable on the host's addresses, and on its loopback.</summary>
    /// <param name="hostPort">1 to 65535; 0 for one that is free, which <see cref="Container.Ports"/> tells.</param>
    /// <param name="containerPort">1 to 65535.</param>
    public NetBuilder Publish(int hostPort, int containerPort) => Publish(hostPort, containerPort, TransportProtocol.Tcp);

    /// <summary>Makes a port of the container reachable on the host's addresses, and on its loopback (127.0.0.1; ::1 leads nowhere).</summary>
    /// <param name="hostPort">1 to 65535; 0 for one that is free, which <see cref="Container.Ports"/> tells.</param>
    /// <param name="containerPort">1 to 65535.</param>
    /// <param name="protocol">TCP or UDP.</param>
    public NetBuilder Publish(int hostPort, int containerPort, TransportProtocol protocol) => Add(new PortPublication(hostPort, containerPort, protocol));

    /// <summary>Makes a TCP port of the container reachable on one of the host's addresses.</summary>
    /// <param name="hostAddress">The address, such as "127.0.0.1".</param>
    /// <inheritdoc cref="Publish(int, int)"/>
    public NetBuilder Publish(string hostAddress, int hostPort, int containerPort) => Publish(hostAddress, hostPort, containerPort, TransportProtocol.Tcp);

    /// <summary>Makes a port of the container reachable on one of the host's addresses.</summary>
    /// <param name="hostAddress">The address, such as "127.0.0.1".</param>
    /// <inheritdoc cref="Publish(int, int, TransportProtocol)"/>
    public NetBuilder Publish(string hostAddress, int hostPort, int containerPort, TransportProtocol protocol)
    {
        (IPAddress address, int? prefix) = Cidr.ParseAddress(Text(hostAddress));
        return prefix is null
            ? Add(new PortPublication(hostPort, containerPort, protocol, address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? null : address))
            : throw new NetworkException($"\"{hostAddress}\" is a subnet; a port is published on an address.");
    }

    /// <summary>Gives it names that other containers of the network find it by, beside its id and host name.</summary>
    /// <param name="names">Host names, in any case.</param>
    public NetBuilder Alias(params string[] names)
    {
        ArgumentNullException.ThrowIfNull(names);
        foreach (string name in names)
        {
            if (Text(name).Length is 0 or > 253 || !name.Split('.').All(label => label.Length is > 0 and <= 63 && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')))
            {
                throw new NetworkException($"\"{name}\" is no host name.", "Its parts have 1 to 63 letters, digits, '-' and '_', with dots between them.");
            }
        }

        return new(Spec with { Aliases = Spec.Aliases.AddRange(names) });
    }

    /// <summary>Chooses who is asked for names that are no container's, instead of the host's resolvers.</summary>
    /// <param name="servers">Addresses.</param>
    public NetBuilder Dns(params string[] servers)
    {
        ArgumentNullException.ThrowIfNull(servers);
        return new(Spec with { Dns = Spec.Dns.AddRange(servers.Select(server => Cidr.ParseAddress(Text(server)).Address)) });
    }

    /// <summary>Chooses the domains that are tried behind short names, instead of the host's.</summary>
    /// <param name="domains">Domains; none for none.</param>
    public NetBuilder Search(params string[] domains)
    {
        ArgumentNullException.ThrowIfNull(domains);
        return new(Spec with { Search = [.. domains] });
    }

    /// <summary>Chooses the hardware address.</summary>
    /// <param name="address">Six bytes, as 02:42:ac:1e:00:03; not a multicast one.</param>
    public NetBuilder MacAddress(string address) => new(Spec with { MacAddress = HardwareAddress.Parse(Text(address)).ToString() });

    /// <summary>Chooses the largest packet.</summary>
    /// <param name="bytes">68 to 65535; with IPv6 at least 1280.</param>
    public NetBuilder Mtu(int bytes)
        => bytes is >= 68 and <= 65535 ? new(Spec with { Mtu = bytes }) : throw new NetworkException($"An MTU of {bytes} is not possible: it is 68 to 65535 bytes.");

    /// <summary>Names the link inside.</summary>
    /// <param name="name">At most 15 bytes.</param>
    public NetBuilder Interface(string name) => new(Spec with { Interface = LinkName(name) });

    /// <summary>Puts the bridge's port into a VLAN, untagged: it sees only ports of the same one. Needs a bridge with VLAN filtering (<see cref="NetworkOptions.VlanFiltering"/>).</summary>
    /// <param name="id">1 to 4094.</param>
    public NetBuilder Vlan(int id)
        => id is >= 1 and <= 4094 ? new(Spec with { Vlan = id }) : throw new NetworkException($"There is no VLAN {id}: they have the numbers 1 to 4094.");

    private NetBuilder Add(PortPublication port)
    {
        if (port.HostPort is < 0 or > 65535 || port.ContainerPort is < 1 or > 65535)
        {
            throw new NetworkException($"The port {port} cannot be published: ports have the numbers 1 to 65535, and 0 on the host's side stands for a free one.");
        }

        if (!Enum.IsDefined(port.Protocol))
        {
            throw new NetworkException($"The port {port} cannot be published: it is neither TCP nor UDP.");
        }

        return new(Spec with { Ports = Spec.Ports.Add(port) });
    }

    private static string LinkName(string name) => Networking.LinkNames.Check(Text(name));

    private static string Text(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text;
    }
}
