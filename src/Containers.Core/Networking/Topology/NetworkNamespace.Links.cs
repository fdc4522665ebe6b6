using System.Globalization;
using Containers.Native;
using Containers.Native.Netlink;

namespace Containers;

public sealed partial class NetworkNamespace
{
    /// <summary>Makes a bridge: a switch, whose ports are the links that are attached to it.</summary>
    /// <param name="name">1 to 15 bytes.</param>
    /// <param name="options">What it has; null for a bridge that is up and knows no VLANs.</param>
    /// <exception cref="NetlinkException">EEXIST: the name is taken; EOPNOTSUPP: the kernel has no bridges, or none that filter VLANs.</exception>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public NetworkLink AddBridge(string name, BridgeOptions? options = null)
    {
        options ??= new BridgeOptions();
        Route.Transact(messages => messages.AddBridge(name, new BridgeSettings
        {
            MacAddress = options.MacAddress,
            Mtu = NetworkLink.CheckMtu(options.Mtu),
            Up = options.Up,
            VlanFiltering = options.VlanFiltering,
        }));
        return Made(name);
    }

    /// <summary>Makes a link that has the frames of one VLAN of another link, without their tags (802.1Q).</summary>
    /// <param name="parent">The link that has the tagged frames. It may be in another namespace.</param>
    /// <param name="id">1 to 4094.</param>
    /// <param name="name">1 to 15 bytes; null for the parent's name with a dot and the id.</param>
    /// <param name="up">Whether it is up at once. Then the parent has to be (ENETDOWN).</param>
    /// <exception cref="NetlinkException">EEXIST: the name or the id is taken; EOPNOTSUPP: the kernel has no 8021q.</exception>
    /// <exception cref="ContainerException">It can be no name, or no id.</exception>
    public NetworkLink AddVlan(NetworkLink parent, int id, string? name = null, bool up = true)
    {
        ArgumentNullException.ThrowIfNull(parent);
        name ??= string.Create(CultureInfo.InvariantCulture, $"{parent.Name}.{id}");
        Over(parent, (messages, settings) => messages.AddVlan(name, parent.Index, id, settings), up);
        return Made(name);
    }

    /// <summary>Makes a link that is a second one over the same wire as another, with a MAC address of its own.</summary>
    /// <param name="parent">The other link. It may be in another namespace.</param>
    /// <param name="name">1 to 15 bytes.</param>
    /// <param name="mode">How those over one parent see each other. The parent itself they never see.</param>
    /// <param name="up">Whether it is up at once. Then the parent has to be (ENETDOWN).</param>
    /// <exception cref="NetlinkException">EEXIST: the name is taken; EBUSY: the parent is a bridge's port; EOPNOTSUPP: the kernel has no macvlan.</exception>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public NetworkLink AddMacvlan(NetworkLink parent, string name, MacvlanMode mode = MacvlanMode.Bridge, bool up = true)
    {
        ArgumentNullException.ThrowIfNull(parent);
        Over(parent, (messages, settings) => messages.AddMacvlan(name, parent.Index, (uint)mode, settings), up);
        return Made(name);
    }

    /// <summary>Makes a link that carries frames in UDP packets to other hosts.</summary>
    /// <param name="name">1 to 15 bytes.</param>
    /// <param name="id">The network's id, 0 to 16777215.</param>
    /// <param name="options">Where to; null for nowhere: then entries have to say it.</param>
    /// <param name="up">Whether it is up at once.</param>
    /// <exception cref="NetlinkException">EEXIST: the name, or the id on that port, is taken; EOPNOTSUPP: the kernel has no vxlan.</exception>
    /// <exception cref="ContainerException">It can be no name, or no id.</exception>
    public NetworkLink AddVxlan(string name, int id, VxlanOptions? options = null, bool up = true)
    {
        options ??= new VxlanOptions();
        if (options.Port is < 1 or > ushort.MaxValue)
        {
            throw new ContainerException(string.Create(CultureInfo.InvariantCulture, $"{options.Port} is no UDP port."), "They are 1 to 65535.");
        }

        Route.Transact(messages => messages.AddVxlan(name, id, new VxlanSettings
        {
            Remote = options.Remote,
            Local = options.Local,
            Port = (ushort)options.Port,
            Link = options.Over?.Index ?? 0,
            Learning = options.Learning,
        }, new LinkSettings { Up = up }));
        return Made(name);
    }

    /// <summary>Makes a link that swallows what is sent by it: a place for addresses.</summary>
    /// <param name="name">1 to 15 bytes.</param>
    /// <param name="up">Whether it is up at once.</param>
    /// <exception cref="NetlinkException">EEXIST: the name is taken; EOPNOTSUPP: the kernel has no dummy links.</exception>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public NetworkLink AddDummy(string name, bool up = true)
    {
        Route.Transact(messages => messages.AddDummy(name, new LinkSettings { Up = up }));
        return Made(name);
    }

    /// <summary>A link that is there.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="NetlinkException">ENODEV: there is none.</exception>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public NetworkLink Link(string name) => TryLink(name)
        ?? throw new NetlinkException("look up link", name, Errno.ENODEV, hint: RouteHints.Link(Errno.ENODEV));

    /// <summary>A link that may be there.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public NetworkLink? TryLink(string name) => Route.TryGetLink(name) is { } link ? new NetworkLink(this, link) : null;

    /// <summary>All links, lo among them.</summary>
    public IReadOnlyList<NetworkLink> Links() => [.. Route.GetLinks().Select(link => new NetworkLink(this, link))];

    private NetworkLink Made(string name) => Link(name);

    // The kernel finds the parent by the socket's namespace, and makes the new link in the one that is named.
    private void Over(NetworkLink parent, Action<NetlinkMessages, LinkSettings> write, bool up)
    {
        bool here = parent.Namespace.Inode == Inode;
        parent.Namespace.Route.Transact(messages => write(messages, new LinkSettings { Up = up, Namespace = here ? null : Handle }));
    }
}
