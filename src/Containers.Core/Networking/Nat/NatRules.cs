using System.Net;
using System.Net.Sockets;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>
/// What stands in the table of a host process. All of it is written here, as messages to the kernel and, in the same breath,
/// as the commands of nft(8) that a reader would type.
/// </summary>
/// <remarks>
/// Ports and names are elements of maps and not rules of their own: the thousandth costs a packet no more than the first, and
/// only the first packet of a connection passes a chain of type nat at all.
/// </remarks>
internal static class NatRules
{
    // linux/netfilter_ipv4.h, enum nf_ip_hook_priorities; conntrack is at -200.
    internal const int NF_IP_PRI_RAW = -300, NF_IP_PRI_NAT_DST = -100, NF_IP_PRI_FILTER = 0, NF_IP_PRI_NAT_SRC = 100;

    internal static readonly IPNetwork Loopback = new(IPAddress.Parse("127.0.0.0"), 8);

    private static readonly NfSet s_bridges = new("bridges", [NfField.Ifname]);
    private static readonly NfSet s_isolated = new("isolated", [NfField.Ifname]);
    private static readonly NfSet s_inside = new("inside", [NfField.Ifname, NfField.Ifname]);

    private static readonly Family s_4 = new(
        false,
        new("ports4", [NfField.InetProto, NfField.InetService], [NfField.Ipv4Addr, NfField.InetService]),
        new("bound4", [NfField.Ipv4Addr, NfField.InetProto, NfField.InetService], [NfField.Ipv4Addr, NfField.InetService]),
        new("names4", [NfField.Ipv4Addr, NfField.Ipv4Addr], [NfField.Ipv4Addr, NfField.InetService]));

    private static readonly Family s_6 = new(
        true,
        new("ports6", [NfField.InetProto, NfField.InetService], [NfField.Ipv6Addr, NfField.InetService]),
        new("bound6", [NfField.Ipv6Addr, NfField.InetProto, NfField.InetService], [NfField.Ipv6Addr, NfField.InetService]),
        new("names6", [NfField.Ipv6Addr, NfField.Ipv6Addr], [NfField.Ipv6Addr, NfField.InetService]));

    /// <summary>The name of the table of a host process.</summary>
    public static string TableName(int slot) => $"containers-{slot}";

    /// <summary>The slot in a table's name; null for a table that is no process's.</summary>
    public static int? TrySlot(string table)
        => table.StartsWith("containers-", StringComparison.Ordinal) && int.TryParse(table.AsSpan("containers-".Length), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int slot) ? slot : null;

    /// <summary>What a change is in commands of nft.</summary>
    public static IReadOnlyList<string> ToCommands(int slot, Action<NfTablesBatch> change)
    {
        List<string> commands = [];
        change(new NfTablesBatch(TableName(slot), commands));
        return commands;
    }

    /// <summary>The table with its sets, chains and the rules that do not depend on a network.</summary>
    public static void AddTable(NfTablesBatch batch, bool owned)
    {
        batch.AddTable(owned, exclusive: true);
        foreach (NfSet set in (NfSet[])[s_bridges, s_isolated, s_inside, s_4.Ports, s_4.Bound, s_4.Names, s_6.Ports, s_6.Bound, s_6.Names])
        {
            batch.AddSet(set);
        }

        // For 127.0.0.1 to lead into a container, its bridge has to route loopback addresses (route_localnet). That must not let
        // what is behind the bridge reach the host's own loopback, nor speak in its name.
        batch.AddChain("loopback", "filter", NfHook.Prerouting, NF_IP_PRI_RAW);
        DropLoopback(batch, "loopback");

        batch.AddChain("prerouting", "nat", NfHook.Prerouting, NF_IP_PRI_NAT_DST);
        AddNames(batch, s_4);
        AddNames(batch, s_6);
        AddPorts(batch, "prerouting");
        batch.AddChain("output", "nat", NfHook.Output, NF_IP_PRI_NAT_DST);
        AddPorts(batch, "output");

        // Accepting here lets nothing through that another table drops; there is no other verdict of ours than "drop".
        batch.AddChain("forward", "filter", NfHook.Forward, NF_IP_PRI_FILTER);
        batch.AddRule("forward").IifnameAndOifname("@inside").Accept(); // a published port of a neighbour; and all of a bridge's traffic, with br_netfilter
        batch.AddRule("forward").Iifname("@isolated").Drop();
        batch.AddRule("forward").Oifname("@isolated").Drop();
        batch.AddRule("forward").CtStateEstablishedOrRelated().Accept();
        batch.AddRule("forward").CtStatusDnat().Accept();
        batch.AddRule("forward").Oifname("@bridges").Drop(); // from another network, ours or not: only what is published

        batch.AddChain("input", "filter", NfHook.Input, NF_IP_PRI_FILTER);
        batch.AddRule("input").CtStateEstablishedOrRelated().Accept(); // answers to the host
        batch.AddRule("input").Iifname("@isolated").FibDaddrIifTypeUnicast().Drop(); // an address of the host's on another link

        batch.AddChain("postrouting", "nat", NfHook.Postrouting, NF_IP_PRI_NAT_SRC);
        AddPostrouting(batch, []);
    }

    public static void AddNetwork(NfTablesBatch batch, NatNetwork network)
    {
        Span<byte> key = stackalloc byte[NfValue.MaxLength];
        batch.AddElement(s_bridges, NfValue.Of(key).Name(network.Bridge));
        batch.AddElement(s_inside, NfValue.Of(key).Name(network.Bridge).Name(network.Bridge));
        if (network.Isolated)
        {
            batch.AddElement(s_isolated, NfValue.Of(key).Name(network.Bridge));
        }

        AddMasquerade(batch, network);
    }

    /// <param name="batch">Where it is written.</param>
    /// <param name="network">What goes.</param>
    /// <param name="others">What stays: the rules that translate sources are written anew, all in one step of the kernel's.</param>
    public static void RemoveNetwork(NfTablesBatch batch, NatNetwork network, IEnumerable<NatNetwork> others)
    {
        Span<byte> key = stackalloc byte[NfValue.MaxLength];
        batch.FlushChain("postrouting");
        AddPostrouting(batch, others);
        if (network.Isolated)
        {
            batch.DeleteElement(s_isolated, NfValue.Of(key).Name(network.Bridge));
        }

        batch.DeleteElement(s_inside, NfValue.Of(key).Name(network.Bridge).Name(network.Bridge));
        batch.DeleteElement(s_bridges, NfValue.Of(key).Name(network.Bridge));
    }

    public static void Attach(NfTablesBatch batch, IEnumerable<PortRule> ports, IEnumerable<NameRule> names)
    {
        Span<byte> key = stackalloc byte[NfValue.MaxLength], data = stackalloc byte[NfValue.MaxLength];
        foreach (PortRule port in ports)
        {
            batch.AddElement(SetOf(port), KeyOf(port, key), NfValue.Of(data).Address(port.ContainerAddress).Port(port.ContainerPort));
        }

        foreach (NameRule name in names)
        {
            batch.AddElement(SetOf(name), NfValue.Of(key).Address(name.Container).Address(name.Gateway), NfValue.Of(data).Address(name.Gateway).Port(name.Port));
        }
    }

    public static void Detach(NfTablesBatch batch, IEnumerable<PortRule> ports, IEnumerable<NameRule> names)
    {
        Span<byte> key = stackalloc byte[NfValue.MaxLength];
        foreach (PortRule port in ports)
        {
            batch.DeleteElement(SetOf(port), KeyOf(port, key));
        }

        foreach (NameRule name in names)
        {
            batch.DeleteElement(SetOf(name), NfValue.Of(key).Address(name.Container).Address(name.Gateway));
        }
    }

    /// <summary>What comes in by a bridge of ours and has or wants a loopback address.</summary>
    internal static void DropLoopback(NfTablesBatch batch, string chain)
    {
        batch.AddRule(chain).Iifname("@bridges").Daddr(Loopback).Drop();
        batch.AddRule(chain).Iifname("@bridges").Saddr(Loopback).Drop();
    }

    private static void AddNames(NfTablesBatch batch, Family family)
        => NfRule.ForTcpAndUdp(batch, "prerouting").ThDport(53).DnatByAddresses(family.IsIPv6, family.Names);

    private static void AddPorts(NfTablesBatch batch, string chain)
    {
        foreach (Family family in (Family[])[s_4, s_6])
        {
            batch.AddRule(chain).FibDaddrTypeLocal().DnatByAddressAndPort(family.IsIPv6, family.Bound);
            batch.AddRule(chain).FibDaddrTypeLocal().DnatByPort(family.IsIPv6, family.Ports);
        }
    }

    private static void AddPostrouting(NfTablesBatch batch, IEnumerable<NatNetwork> networks)
    {
        batch.AddRule("postrouting").Saddr(Loopback).Oifname("@bridges").Masquerade(); // the host by 127.0.0.1: no one could answer that
        foreach (NatNetwork network in networks)
        {
            AddMasquerade(batch, network);
        }
    }

    private static void AddMasquerade(NfTablesBatch batch, NatNetwork network)
    {
        foreach (IPNetwork? subnet in (IPNetwork?[])[network.Subnet4, network.Subnet6])
        {
            if (subnet is { } addresses)
            {
                if (!network.Isolated)
                {
                    batch.AddRule("postrouting").Saddr(addresses).Oifname(network.Bridge, not: true).Masquerade();
                }

                // A container that asks the host's port of a neighbour, or its own: the answer has to come back through the host.
                batch.AddRule("postrouting").Saddr(addresses).Oifname(network.Bridge).CtStatusDnat().Masquerade();
            }
        }
    }

    private static NfSet SetOf(PortRule port)
    {
        Family family = port.IsIPv6 ? s_6 : s_4;
        return port.HostAddress is null ? family.Ports : family.Bound;
    }

    private static NfSet SetOf(NameRule name) => name.Container.AddressFamily == AddressFamily.InterNetworkV6 ? s_6.Names : s_4.Names;

    private static ReadOnlySpan<byte> KeyOf(PortRule port, Span<byte> buffer)
    {
        NfValue key = NfValue.Of(buffer);
        if (port.HostAddress is not null)
        {
            key = key.Address(port.HostAddress);
        }

        return key.Protocol((byte)port.Protocol).Port(port.HostPort).Bytes;
    }

    private sealed record Family(bool IsIPv6, NfSet Ports, NfSet Bound, NfSet Names);
}
