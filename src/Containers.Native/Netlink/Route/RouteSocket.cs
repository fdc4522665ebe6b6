using System.Net.Sockets;
using static Containers.Native.Netlink.NetlinkMessages;
using static Containers.Native.Netlink.Rtnetlink;

namespace Containers.Native.Netlink;

/// <summary>A socket to the links, addresses, routes, rules and queues of one network namespace. Any thread may use it.</summary>
/// <remarks>What is listed is filtered by the kernel where it can (Linux 4.20+), and here, too, since it overlooks filters that it does not know.</remarks>
internal sealed class RouteSocket : IDisposable
{
    private readonly NetlinkSocket _socket;

    private RouteSocket(NetlinkSocket socket) => _socket = socket;

    /// <param name="networkNamespace">Null for the calling thread's.</param>
    public static RouteSocket Open(NamespaceHandle? networkNamespace = null) => new(NetlinkSocket.Open(NetlinkProtocol.Route, networkNamespace));

    /// <inheritdoc cref="NetlinkSocket.Transact"/>
    public void Transact(NetlinkMessages messages) => _socket.Transact(messages);

    /// <inheritdoc cref="NetlinkSocket.TryTransact"/>
    public NetlinkException? TryTransact(NetlinkMessages messages) => _socket.TryTransact(messages);

    /// <summary>Writes messages and sends them.</summary>
    public void Transact(Action<NetlinkMessages> write)
    {
        NetlinkMessages messages = new();
        write(messages);
        _socket.Transact(messages);
    }

    /// <summary>Deletes a link, unless it is gone.</summary>
    public void DeleteLinkIfThere(int link, string name)
    {
        NetlinkMessages messages = new();
        messages.DeleteLink(link, name);
        if (_socket.TryTransact(messages) is { } failure && failure.Errno != Errno.ENODEV)
        {
            throw failure;
        }
    }

    /// <summary>The link of a name.</summary>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public LinkInfo? TryGetLink(string name) => TryGetLink(0, LinkName.Check(name));

    /// <summary>The link with an index.</summary>
    /// <returns>Null when there is none.</returns>
    public LinkInfo? TryGetLink(int index) => index <= 0 ? null : TryGetLink(index, null);

    /// <summary>All links, or some.</summary>
    /// <param name="master">Only the ports of the bridge with this index.</param>
    /// <param name="kind">Only those of a kind: "bridge", "veth".</param>
    public List<LinkInfo> GetLinks(int master = 0, string? kind = null)
    {
        NetlinkMessages messages = new();
        messages.Begin(RTM_GETLINK, NLM_F_DUMP, "list links");
        messages.Header(default(ifinfomsg));
        if (master != 0)
        {
            messages.U32(IFLA_MASTER, (uint)master);
        }

        if (kind is not null)
        {
            using (messages.Nest(IFLA_LINKINFO))
            {
                messages.Text(IFLA_INFO_KIND, kind);
            }
        }

        messages.End();
        return Dump(messages, RTM_NEWLINK, LinkInfo.Read, link => (master == 0 || link.Master == master) && (kind is null || link.Kind == kind));
    }

    /// <param name="link">Only those of the link with this index.</param>
    public List<AddressInfo> GetAddresses(int link = 0)
    {
        NetlinkMessages messages = new();
        messages.Begin(RTM_GETADDR, NLM_F_DUMP, "list addresses");
        messages.Header(new ifaddrmsg { ifa_index = link });
        messages.End();
        return Dump(messages, RTM_NEWADDR, RouteReader.Address, address => link == 0 || address.Link == link);
    }

    /// <param name="table">Only those of this table; 0 for all of them, the kernel's table of local addresses included.</param>
    public List<RouteInfo> GetRoutes(AddressFamily family = AddressFamily.InterNetwork, uint table = RT_TABLE_MAIN)
    {
        NetlinkMessages messages = new();
        messages.Begin(RTM_GETROUTE, NLM_F_DUMP, "list routes");
        messages.Header(new rtmsg { rtm_family = Family(family) });
        messages.End();
        return Dump(messages, RTM_NEWROUTE, RouteReader.Route, route => table == 0 || route.Table == table);
    }

    /// <param name="link">Only those of the link with this index.</param>
    public List<NeighbourInfo> GetNeighbours(AddressFamily family = AddressFamily.InterNetwork, int link = 0)
    {
        NetlinkMessages messages = new();
        messages.Begin(RTM_GETNEIGH, NLM_F_DUMP, "list neighbours");
        messages.Header(new ndmsg { ndm_family = Family(family) });
        if (link != 0)
        {
            messages.U32(NDA_IFINDEX, (uint)link);
        }

        messages.End();
        return Dump(messages, RTM_NEWNEIGH, RouteReader.Neighbour, neighbour => link == 0 || neighbour.Link == link);
    }

    public List<RuleInfo> GetRules(AddressFamily family = AddressFamily.InterNetwork)
    {
        NetlinkMessages messages = new();
        messages.Begin(RTM_GETRULE, NLM_F_DUMP, "list rules", hint: RouteHints.Rule);
        messages.Header(new fib_rule_hdr { family = Family(family) });
        messages.End();
        return Dump(messages, RTM_NEWRULE, RouteReader.Rule, static _ => true);
    }

    /// <summary>Which VLANs the ports of all bridges, and the bridges themselves, belong to.</summary>
    /// <param name="link">Only those of the port or bridge with this index.</param>
    public List<BridgeVlanInfo> GetBridgeVlans(int link = 0)
    {
        NetlinkMessages messages = new();
        messages.Begin(RTM_GETLINK, NLM_F_DUMP, "list VLANs of ports");
        messages.Header(new ifinfomsg { ifi_family = Kernel.AF_BRIDGE });
        messages.U32(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
        messages.End();
        return [.. Dump(messages, RTM_NEWLINK, RouteReader.BridgeVlans, static _ => true).SelectMany(static vlans => vlans).Where(vlan => link == 0 || vlan.Link == link)];
    }

    /// <summary>The queueing disciplines of a link. One that the kernel made may have the handle 0, and "noqueue" is told, too.</summary>
    public List<QueueingInfo> GetQueueing(int link)
    {
        NetlinkMessages messages = new();
        messages.Begin(RTM_GETQDISC, NLM_F_DUMP, "list queueing");
        messages.Header(new tcmsg { tcm_ifindex = link });
        messages.End();
        return Dump(messages, RTM_NEWQDISC, RouteReader.Queueing, queueing => queueing.Link == link);
    }

    public void Dispose() => _socket.Dispose();

    private LinkInfo? TryGetLink(int index, string? name)
    {
        NetlinkMessages messages = new(128);
        messages.Begin(RTM_GETLINK, NLM_F_ACK, "look up link", name ?? LinkMessages.Number(index), RouteHints.Link);
        messages.Header(new ifinfomsg { ifi_index = index });
        if (name is not null)
        {
            messages.Text(IFLA_IFNAME, name);
        }

        messages.End();
        LinkInfo? link = null;
        NetlinkException? failure = _socket.TryTransact(messages, (type, payload) => link = type == RTM_NEWLINK ? LinkInfo.Read(payload) : link);
        return failure switch
        {
            null => link,
            { Errno: Errno.ENODEV } => null,
            _ => throw failure,
        };
    }

    private delegate T Reader<out T>(ReadOnlySpan<byte> payload);

    private List<T> Dump<T>(NetlinkMessages messages, ushort type, Reader<T> read, Func<T, bool> wanted)
    {
        List<T> items = [];
        _socket.Dump(messages, (answer, payload) =>
        {
            if (answer == type && read(payload) is var item && wanted(item))
            {
                items.Add(item);
            }
        }, items.Clear);
        return items;
    }
}
