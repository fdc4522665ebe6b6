using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using Containers.Native;
using Containers.Native.Netlink;

namespace Containers;

/// <summary>
/// A link: one end of a cable, a bridge, or another thing that packets come in and leave by. The object stands for the link by
/// its number, and follows it when it is moved or renamed through the object. Any thread may use it.
/// </summary>
/// <remarks>What it is like is asked of the kernel each time. A link that is gone is a <see cref="NetlinkException"/> with ENODEV.</remarks>
public sealed partial class NetworkLink
{
    private sealed record Place(NetworkNamespace Namespace, int Index, string Name);

    private Place _place; // as one, so that another thread never sees half of a move

    internal NetworkLink(NetworkNamespace networkNamespace, LinkInfo info) => _place = new Place(networkNamespace, info.Index, info.Name);

    /// <summary>The name by which it was found, or that it was given since.</summary>
    public string Name => _place.Name;

    /// <summary>The kernel's number of it in its namespace.</summary>
    public int Index => _place.Index;

    /// <summary>Where it is.</summary>
    public NetworkNamespace Namespace => _place.Namespace;

    /// <summary>Its MAC address; <see cref="PhysicalAddress.None"/> for a link that has none.</summary>
    public PhysicalAddress MacAddress => Info().MacAddress;

    /// <summary>The longest packet that it takes, in bytes.</summary>
    public int Mtu => Info().Mtu;

    /// <summary>Whether it is switched on.</summary>
    public bool IsUp => Info().IsUp;

    /// <summary>Whether it is switched on and so is what is at its other end.</summary>
    public bool HasCarrier => Info().HasCarrier;

    /// <summary>What the kernel calls its kind: "bridge", "veth", "vlan", …; null for hardware and lo.</summary>
    public string? Kind => Info().Kind;

    /// <summary>Switches it on.</summary>
    /// <exception cref="NetlinkException">ENETDOWN: the link below it is down.</exception>
    public void SetUp()
    {
        Change(new LinkChange { Up = true });
        Settle();
    }

    /// <summary>Switches it off: what is sent by it is lost, its routes are removed, and so are its IPv6 addresses.</summary>
    public void SetDown() => Change(new LinkChange { Up = false });

    /// <summary>Sets the longest packet.</summary>
    /// <param name="bytes">68 at least for IPv4, 1280 for IPv6; at most what the kind of link takes, mostly 65535.</param>
    /// <exception cref="NetlinkException">EINVAL: the link does not take it.</exception>
    public void SetMtu(int bytes) => Change(new LinkChange { Mtu = CheckMtu(bytes) });

    /// <summary>Sets the MAC address.</summary>
    /// <param name="address">6 bytes, the first of them even; 02 there says that nobody manufactured it.</param>
    /// <exception cref="NetlinkException">EADDRNOTAVAIL: it is a group's.</exception>
    public void SetMacAddress(PhysicalAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Change(new LinkChange { MacAddress = address });
    }

    /// <summary>Makes it a port of a bridge in the same namespace.</summary>
    /// <param name="bridge">The bridge.</param>
    /// <exception cref="NetlinkException">EBUSY: it is a port of another; ELOOP: it is a bridge itself.</exception>
    /// <exception cref="ContainerException">The bridge is in another namespace.</exception>
    public void AttachTo(NetworkLink bridge)
    {
        ArgumentNullException.ThrowIfNull(bridge);
        if (bridge.Namespace.Inode != Namespace.Inode)
        {
            throw new ContainerException($"The link {Name} cannot be a port of {bridge.Name}, which is in another network namespace.", "MoveTo takes it there; a VethPair leads from one to the other.");
        }

        Change(new LinkChange { Master = bridge.Index });
        Settle();
    }

    /// <summary>Takes it out of the bridge that it is a port of, if it is of one.</summary>
    public void Detach() => Change(new LinkChange { Master = 0 });

    /// <summary>Moves it to another namespace. It is down there, has lost its addresses, and is no bridge's port.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="newName">What it is called there; null for the name that it has.</param>
    /// <exception cref="NetlinkException">EEXIST: the name is taken there; EINVAL: a bridge or lo cannot be moved.</exception>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public void MoveTo(NetworkNamespace target, string? newName = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        Place place = _place;
        Change(new LinkChange { Namespace = target.Handle, Name = newName });
        string name = newName ?? place.Name;
        // The number may be another there; the name is nobody else's.
        LinkInfo info = target.Route.TryGetLink(name) ?? throw new NetlinkException("look up link", name, Errno.ENODEV, hint: RouteHints.Link(Errno.ENODEV));
        _place = new Place(target, info.Index, info.Name);
    }

    /// <summary>Gives it another name. While it is up, that needs Linux 6.2.</summary>
    /// <param name="newName">1 to 15 bytes.</param>
    /// <exception cref="NetlinkException">EEXIST: the name is taken; EBUSY: it is up.</exception>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public void Rename(string newName)
    {
        ArgumentNullException.ThrowIfNull(newName);
        Change(new LinkChange { Name = newName });
        _place = _place with { Name = newName };
    }

    /// <summary>What went through it since it was made.</summary>
    public LinkCounters Counters()
    {
        LinkStatistics statistics = Info().Statistics;
        return new LinkCounters
        {
            ReceivedBytes = (long)statistics.ReceivedBytes,
            ReceivedPackets = (long)statistics.ReceivedPackets,
            ReceiveErrors = (long)statistics.ReceiveErrors,
            ReceiveDropped = (long)statistics.ReceiveDropped,
            SentBytes = (long)statistics.SentBytes,
            SentPackets = (long)statistics.SentPackets,
            SendErrors = (long)statistics.SendErrors,
            SendDropped = (long)statistics.SendDropped,
        };
    }

    /// <summary>Deletes it; the other end of a veth pair goes with it.</summary>
    /// <exception cref="NetlinkException">ENODEV: it is gone; EOPNOTSUPP: it is hardware, or lo.</exception>
    public void Delete()
    {
        Place place = _place;
        place.Namespace.Route.Transact(messages => messages.DeleteLink(place.Index, place.Name));
    }

    /// <summary>The name, and where it is.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name} ({Index}) in {Namespace}");

    /// <summary>0 for the kernel's choice.</summary>
    internal static int CheckMtu(int? bytes) => bytes switch
    {
        null => 0,
        >= 1 => bytes.Value,
        _ => throw new ContainerException(string.Create(CultureInfo.InvariantCulture, $"An MTU of {bytes} bytes lets nothing through."), "IPv4 needs 68 bytes, IPv6 1280."),
    };

    internal LinkInfo Info()
    {
        Place place = _place;
        return place.Namespace.Route.TryGetLink(place.Index)
            ?? throw new NetlinkException("look up link", place.Name, Errno.ENODEV, hint: RouteHints.Link(Errno.ENODEV));
    }

    /// <summary>
    /// Has the kernel take note now that the link is up. It does so once a second at most (linkwatch), unless it is in a hurry,
    /// which it is not for a veth whose peer has the same number in its namespace; and a port of a bridge forwards nothing before.
    /// To look the link up makes it do so, since Linux 6.8; on older ones what is sent within the second may be lost.
    /// </summary>
    internal void Settle()
    {
        Place place = _place;
        _ = place.Namespace.Route.TryGetLink(place.Index);
    }

    private void Change(LinkChange change)
    {
        Place place = _place;
        place.Namespace.Route.Transact(messages => messages.SetLink(place.Index, change, place.Name));
    }
}
