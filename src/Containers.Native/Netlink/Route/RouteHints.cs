namespace Containers.Native.Netlink;

/// <summary>What would help when a change is refused: which part of the kernel is missing, and what the errno means for this kind of thing.</summary>
internal static class RouteHints
{
    public static string? Link(Errno errno) => errno switch
    {
        Errno.EEXIST => "A link of that name is in this network namespace already.",
        Errno.ENODEV => "There is no such link in this network namespace.",
        Errno.EADDRNOTAVAIL => "A MAC address has 6 bytes, is not 00:00:00:00:00:00, and its first byte is even.",
        Errno.EINVAL or Errno.ERANGE => "An MTU may be out of the range of this kind of link, or a link its own master.",
        Errno.EBUSY => "The link is in use: it is a port of another bridge, or up while its name is changed (Linux before 6.2).",
        _ => null,
    };

    public static string? Veth(Errno errno) => Kind(errno, "veth pairs", "CONFIG_VETH", "veth");

    public static string? Bridge(Errno errno) => Kind(errno, "bridges", "CONFIG_BRIDGE", "bridge");

    public static string? FilteringBridge(Errno errno) => BridgeVlan(errno) ?? Link(errno);

    public static string? Vlan(Errno errno) => Kind(errno, "802.1Q VLANs", "CONFIG_VLAN_8021Q", "8021q");

    public static string? Macvlan(Errno errno) => Kind(errno, "macvlan", "CONFIG_MACVLAN", "macvlan");

    public static string? Vxlan(Errno errno) => Kind(errno, "VXLAN", "CONFIG_VXLAN", "vxlan");

    public static string? Dummy(Errno errno) => Kind(errno, "dummy links", "CONFIG_DUMMY", "dummy");

    public static string? BridgeVlan(Errno errno) => errno switch
    {
        Errno.EOPNOTSUPP => "This kernel has no VLAN filtering on bridges, or the link is neither a bridge nor a port of one: CONFIG_BRIDGE_VLAN_FILTERING, which needs CONFIG_VLAN_8021Q.",
        Errno.ENODEV => "There is no such link in this network namespace.",
        Errno.EINVAL => "VLAN ids are 1 to 4094.",
        _ => null,
    };

    public static string? Address(Errno errno) => errno switch
    {
        Errno.EEXIST => "The link has that address already.",
        Errno.ENODEV => "There is no such link in this network namespace.",
        Errno.EADDRNOTAVAIL => "The link has no such address.",
        Errno.EACCES or Errno.EOPNOTSUPP => "IPv6 may be off here: net.ipv6.conf.*.disable_ipv6, or a kernel without CONFIG_IPV6.",
        _ => null,
    };

    public static string? Route(Errno errno) => errno switch
    {
        Errno.EEXIST => "There is a route to that destination with the same metric already.",
        Errno.ESRCH => "There is no such route.",
        Errno.ENODEV => "There is no such link in this network namespace.",
        Errno.ENETUNREACH => "No link has an address from which the gateway can be reached directly.",
        Errno.EHOSTUNREACH => "The gateway cannot be reached directly over that link.",
        Errno.ENETDOWN => "The link is down.",
        _ => null,
    };

    public static string? Neighbour(Errno errno) => errno switch
    {
        Errno.EEXIST => "There is an entry for that address already.",
        Errno.ENOENT => "There is no such entry.",
        Errno.ENODEV => "There is no such link in this network namespace.",
        _ => null,
    };

    public static string? Rule(Errno errno) => errno switch
    {
        Errno.EEXIST => "There is such a rule already.",
        Errno.ENOENT => "There is no such rule.",
        Errno.EOPNOTSUPP or Errno.EAFNOSUPPORT => "This kernel has no routing rules for these addresses: CONFIG_IP_MULTIPLE_TABLES, CONFIG_IPV6_MULTIPLE_TABLES.",
        _ => null,
    };

    public static string? Netem(Errno errno) => Queueing(errno, "sch_netem", "CONFIG_NET_SCH_NETEM");

    public static string? TokenBucket(Errno errno) => Queueing(errno, "sch_tbf", "CONFIG_NET_SCH_TBF");

    public static string? Queueing(Errno errno) => errno switch
    {
        Errno.ENOENT => "The link has no queueing discipline of its own.",
        Errno.ENODEV => "There is no such link in this network namespace.",
        _ => null,
    };

    private static string? Kind(Errno errno, string what, string option, string module)
        => errno == Errno.EOPNOTSUPP ? $"This kernel has no {what}: {option}, or \"modprobe {module}\"." : Link(errno);

    // An unknown kind is ENOENT: qdisc_create, net/sched/sch_api.c.
    private static string? Queueing(Errno errno, string module, string option)
        => errno is Errno.ENOENT or Errno.EOPNOTSUPP ? $"This kernel has no {module}: {option}, or \"modprobe {module}\"." : Queueing(errno);
}
