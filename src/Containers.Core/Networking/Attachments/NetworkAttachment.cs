using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>
/// A container's place in one network: addresses, a veth pair between its namespace and the bridge, its names, its
/// published ports. Disposing it undoes all of that in reverse, and what there is of it when making it fails.
/// </summary>
internal sealed class NetworkAttachment : IDisposable
{
    private static readonly bool s_ipv6 = Directory.Exists("/proc/sys/net/ipv6");

    private readonly BridgeNetwork _bridge;
    private readonly List<PortReservation> _ports = [];
    private int _hostLink;
    private IReadOnlyList<PortRule> _portRules = [];
    private IReadOnlyList<NameRule> _nameRules = [];
    private bool _named;

    private NetworkAttachment(BridgeNetwork bridge, IReadOnlyList<NetworkAttachment> siblings, string interfaceName, ImmutableArray<IPAddress> dns)
        => (_bridge, Siblings, Interface, Dns) = (bridge, siblings, interfaceName, dns);

    public BridgeNetwork Bridge => _bridge;

    /// <summary>All attachments of the container, this one among them.</summary>
    public IReadOnlyList<NetworkAttachment> Siblings { get; }

    /// <summary>The link's name inside.</summary>
    public string Interface { get; }

    /// <summary>The name of its other end.</summary>
    public string HostInterface { get; } = "ctv" + RandomNumberGenerator.GetHexString(10, lowercase: true);

    public IPAddress? Address4 { get; private set; }

    public IPAddress? Address6 { get; private set; }

    public IEnumerable<IPAddress> Addresses => (Address4, Address6) switch
    {
        ({ } four, { } six) => [four, six],
        ({ } four, null) => [four],
        (null, { } six) => [six],
        _ => [],
    };

    /// <summary>In lower case; the first is what it calls itself.</summary>
    public IReadOnlyList<string> Names { get; private set; } = [];

    public ImmutableArray<IPAddress> Dns { get; }

    public IReadOnlyList<PortReservation> Ports => _ports;

    /// <summary>Attaches a container's network namespace.</summary>
    /// <param name="bridge">To what. One use of it goes over to the attachment, also when this fails.</param>
    /// <param name="spec">As whom.</param>
    /// <param name="id">The container.</param>
    /// <param name="hostname">What it calls itself.</param>
    /// <param name="inside">Its namespace, with nothing but lo in it.</param>
    /// <param name="isDefaultRoute">Whether what is for no network goes this way.</param>
    /// <param name="siblings">Its attachments; this one is added.</param>
    public static NetworkAttachment Make(BridgeNetwork bridge, NetSpec spec, string id, string hostname, NetworkNamespace inside, bool isDefaultRoute, List<NetworkAttachment> siblings)
    {
        NetworkAttachment attachment = new(bridge, siblings, spec.Interface ?? $"eth{siblings.Count}", spec.Dns);
        try
        {
            attachment.TakeAddresses(spec);
            attachment.Names = [.. ((IEnumerable<string>)[hostname, id, .. spec.Aliases]).Select(name => name.ToLowerInvariant()).Distinct()];
            foreach (PortPublication port in spec.Ports)
            {
                attachment._ports.Add(PortReservation.Take(bridge.Host.Namespace.Target, port));
            }

            attachment.MakeLink(spec, id, inside, isDefaultRoute);
            attachment.MakeRules();
            attachment.AddNames();
            siblings.Add(attachment);
            return attachment;
        }
        catch
        {
            attachment.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_named)
        {
            _bridge.Host.Names.Remove(this);
        }

        try
        {
            _bridge.Host.Rules.Detach(_portRules, _nameRules);
            foreach (PortReservation port in _ports)
            {
                port.Dispose();
            }

            DeleteLink();
            if (_portRules.Any(port => port.Protocol == ProtocolType.Udp))
            {
                Conntrack.Delete([.. Addresses], _bridge.Host.Namespace.Target); // or who has the address next gets packets of conversations that have no end
            }
        }
        finally
        {
            if (Address4 is not null)
            {
                _bridge.Pool4!.Release(Address4);
            }

            if (Address6 is not null)
            {
                _bridge.Pool6!.Release(Address6);
            }

            _bridge.Release();
        }
    }

    private void TakeAddresses(NetSpec spec)
    {
        if (spec.Address is { } wanted4)
        {
            (_bridge.Pool4 ?? throw new NetworkException($"The network \"{_bridge.Name}\" has no IPv4 subnet for the address {wanted4}.")).Take(wanted4);
            Address4 = wanted4;
        }
        else
        {
            Address4 = _bridge.Pool4?.Take();
        }

        if (spec.Address6 is { } wanted6)
        {
            (_bridge.Pool6 ?? throw new NetworkException($"The network \"{_bridge.Name}\" has no IPv6 subnet for the address {wanted6}.", $"{nameof(NetworkOptions)}.{nameof(NetworkOptions.Subnet6)} gives it one.")).Take(wanted6);
            Address6 = wanted6;
        }
        else
        {
            Address6 = _bridge.Pool6?.Take();
        }

        if (spec.Gateway is { } gateway && _bridge.Pool4?.Subnet.Contains(gateway) != true && _bridge.Pool6?.Subnet.Contains(gateway) != true)
        {
            throw new NetworkException($"The gateway {gateway} is outside of the network \"{_bridge.Name}\".");
        }
    }

    private void MakeLink(NetSpec spec, string id, NetworkNamespace inside, bool isDefaultRoute)
    {
        HardwareAddress mac = spec.MacAddress is { } given ? HardwareAddress.Parse(given) : HardwareAddress.Of(Addresses.First());
        int mtu = spec.Mtu ?? _bridge.Mtu;
        string alias = new LinkAlias(id, [.. Addresses], [.. Names.Where(name => name != id)], []).ToString();
        NetlinkMessages messages = new();
        messages.AddVeth(HostInterface, Interface, inside.Handle, new VethSettings
        {
            Master = _bridge.Index,
            Mtu = mtu,
            PeerMacAddress = mac.Value,
        });
        // The kernel takes no alias with a new link. By its name, which no other link can have, in the same call, which
        // nothing can end in the middle: so there is no veth of ours without the mark.
        messages.SetLink(0, new LinkChange { Alias = alias, Up = true, WithoutLinkLocal = s_ipv6 }, HostInterface);
        _bridge.Host.Route.Transact(messages);
        LinkInfo host = _bridge.Host.Route.TryGetLink(HostInterface) ?? throw new NetworkException($"The link {HostInterface} of the container \"{id}\" was removed by someone while it was made.");
        _hostLink = host.Index;
        if (spec.Vlan is { } vlan)
        {
            PutIntoVlan((ushort)vlan);
        }

        if (_ports.Count > 0 && _bridge.Host.NeedsHairpin)
        {
            _bridge.Host.Route.Transact(batch => batch.SetBridgePort(_hostLink, hairpin: true, name: HostInterface));
        }

        LinkInfo link = inside.Route.TryGetLink(Interface) ?? throw new NetworkException($"The link {Interface} of the container \"{id}\" was removed by someone while it was made.");
        messages.Clear();
        messages.SetLink(link.Index, new LinkChange { Up = true, WithoutLinkLocal = s_ipv6 && Address6 is null }, Interface);
        AddAddress(_bridge.Pool4, Address4);
        AddAddress(_bridge.Pool6, Address6);
        inside.Route.Transact(messages);
        _ = _bridge.Host.Route.TryGetLink(_hostLink); // the kernel takes note that both ends are up when someone looks, and else within a second: see NetworkLink.Settle

        void AddAddress(AddressPool? pool, IPAddress? address)
        {
            if (pool is null || address is null)
            {
                return;
            }

            messages.AddAddress(link.Index, address, pool.Subnet.PrefixLength);
            IPAddress? gateway = spec.Gateway is { } asked && asked.AddressFamily == address.AddressFamily ? asked : _bridge.Isolated ? null : pool.Gateway;
            if (gateway is not null && isDefaultRoute)
            {
                messages.AddRoute(new RouteInfo { Gateway = gateway, Link = link.Index });
            }
        }
    }

    private void PutIntoVlan(ushort vlan)
    {
        NetlinkMessages messages = new();
        messages.DeleteBridgeVlan(_hostLink, 1);
        messages.AddBridgeVlan(_hostLink, vlan, pvid: true, untagged: true);
        try
        {
            _bridge.Host.Route.Transact(messages);
        }
        catch (NetlinkException e)
        {
            throw new NetworkException($"The port of the bridge \"{_bridge.Name}\" cannot be put into VLAN {vlan}: {e.Message}", "The kernel needs CONFIG_BRIDGE_VLAN_FILTERING, and the network NetworkOptions.VlanFiltering.", e);
        }
    }

    private void MakeRules()
    {
        _portRules = [.. _ports.SelectMany(port => PortRule.Of(port.Port, Addresses))];
        _nameRules = [.. from address in Addresses
                         where address.AddressFamily == _bridge.Gateway.AddressFamily
                         select new NameRule(address, _bridge.Gateway, (ushort)_bridge.Responder.Port)];
        _bridge.Host.Rules.Attach(_portRules, _nameRules);
    }

    private void AddNames()
    {
        _named = true;
        _bridge.Host.Names.Add(this);
    }

    private void DeleteLink()
    {
        if (_hostLink == 0 && _bridge.Host.Route.TryGetLink(HostInterface) is { } made)
        {
            _hostLink = made.Index; // made, and something failed before we knew its number
        }

        if (_hostLink == 0)
        {
            return;
        }

        _bridge.Host.Route.DeleteLinkIfThere(_hostLink, HostInterface); // it may have gone with the container's namespace
    }
}
