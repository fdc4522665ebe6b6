using System.Net;
using Containers.Native.Netlink;

namespace Containers;

public sealed partial class NetworkLink
{
    /// <summary>Gives it an address. The prefix becomes a route: its other addresses are on the link.</summary>
    /// <param name="address">With the length of the prefix: "10.0.0.1/24", "fd00::1/64". One of IPv6 serves at once, without asking first whether another has it.</param>
    /// <exception cref="NetlinkException">EEXIST: it has it.</exception>
    /// <exception cref="ContainerException">What is written is no address with a prefix.</exception>
    public void AddAddress(string address)
    {
        (IPAddress ip, int length) = NetworkAddress.ParseWithPrefix(address);
        Place place = _place;
        place.Namespace.Route.Transact(messages => messages.AddAddress(place.Index, ip, length));
    }

    /// <summary>Takes an address from it.</summary>
    /// <param name="address">As it was given.</param>
    /// <exception cref="NetlinkException">EADDRNOTAVAIL: it has no such address.</exception>
    /// <exception cref="ContainerException">What is written is no address with a prefix.</exception>
    public void RemoveAddress(string address)
    {
        (IPAddress ip, int length) = NetworkAddress.ParseWithPrefix(address);
        Place place = _place;
        place.Namespace.Route.Transact(messages => messages.DeleteAddress(place.Index, ip, length));
    }

    /// <summary>Its addresses, each with the length of its prefix: "10.0.0.1/24". The link-local ones of IPv6 are among them.</summary>
    public IReadOnlyList<string> Addresses()
    {
        Place place = _place;
        return [.. place.Namespace.Route.GetAddresses(place.Index).Select(address => $"{address.Address}/{address.PrefixLength}")];
    }

    /// <summary>
    /// Lets it belong to a VLAN: a port of a bridge that filters (<see cref="BridgeOptions.VlanFiltering"/>), or such a
    /// bridge itself, which is what its own namespace sees of it. Adding one that is there changes it.
    /// </summary>
    /// <param name="id">1 to 4094.</param>
    /// <param name="untagged">Whether frames of the VLAN leave the port without a tag.</param>
    /// <param name="pvid">Whether frames that come in without a tag are of this VLAN, and of no other.</param>
    /// <exception cref="NetlinkException">EOPNOTSUPP: it is no port, or the kernel has no VLAN filtering on bridges.</exception>
    /// <exception cref="ContainerException">It is no id.</exception>
    public void AddVlan(int id, bool untagged = false, bool pvid = false)
    {
        ushort checkedId = VlanId.Check(id);
        Place place = _place;
        bool self = Kind == "bridge";
        place.Namespace.Route.Transact(messages => messages.AddBridgeVlan(place.Index, checkedId, pvid, untagged, self));
    }

    /// <summary>Ends its belonging to a VLAN. Each port belongs to 1 when it is attached.</summary>
    /// <param name="id">1 to 4094.</param>
    /// <exception cref="NetlinkException">EOPNOTSUPP: it is no port, or the kernel has no VLAN filtering on bridges.</exception>
    /// <exception cref="ContainerException">It is no id.</exception>
    public void RemoveVlan(int id)
    {
        ushort checkedId = VlanId.Check(id);
        Place place = _place;
        bool self = Kind == "bridge";
        place.Namespace.Route.Transact(messages => messages.DeleteBridgeVlan(place.Index, checkedId, self));
    }

    /// <summary>The VLANs that it belongs to as a port, or as a bridge.</summary>
    public IReadOnlyList<PortVlan> Vlans()
    {
        Place place = _place;
        return [.. place.Namespace.Route.GetBridgeVlans(place.Index).Select(vlan => new PortVlan(vlan.Id, vlan.Untagged, vlan.Pvid))];
    }
}
