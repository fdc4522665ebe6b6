namespace Containers.Native.Netlink;

// linux/if_link.h, linux/if.h, linux/if_bridge.h
internal static partial class Rtnetlink
{
    public const int IFNAMSIZ = 16, IFALIASZ = 256;

    public const uint IFF_UP = 1, IFF_LOOPBACK = 8, IFF_LOWER_UP = 0x10000;

    public const ushort IFLA_ADDRESS = 1, IFLA_IFNAME = 3, IFLA_MTU = 4, IFLA_LINK = 5, IFLA_MASTER = 10, IFLA_PROTINFO = 12;
    public const ushort IFLA_LINKINFO = 18, IFLA_IFALIAS = 20, IFLA_STATS64 = 23, IFLA_AF_SPEC = 26, IFLA_GROUP = 27;
    public const ushort IFLA_NET_NS_FD = 28, IFLA_EXT_MASK = 29, IFLA_LINK_NETNSID = 37;

    public const ushort IFLA_INFO_KIND = 1, IFLA_INFO_DATA = 2;

    public const ushort IFLA_BR_VLAN_FILTERING = 7;
    public const ushort IFLA_VLAN_ID = 1;
    public const ushort IFLA_MACVLAN_MODE = 1;
    public const uint MACVLAN_MODE_PRIVATE = 1, MACVLAN_MODE_VEPA = 2, MACVLAN_MODE_BRIDGE = 4, MACVLAN_MODE_PASSTHRU = 8;
    public const ushort VETH_INFO_PEER = 1;
    public const ushort IFLA_VXLAN_ID = 1, IFLA_VXLAN_GROUP = 2, IFLA_VXLAN_LINK = 3, IFLA_VXLAN_LOCAL = 4, IFLA_VXLAN_LEARNING = 7;
    public const ushort IFLA_VXLAN_PORT = 15, IFLA_VXLAN_GROUP6 = 16, IFLA_VXLAN_LOCAL6 = 17;

    public const ushort IFLA_BRPORT_MODE = 4, IFLA_BRPORT_ISOLATED = 33;

    public const ushort IFLA_INET6_ADDR_GEN_MODE = 8;
    public const byte IN6_ADDR_GEN_MODE_NONE = 1;

    public const ushort BRIDGE_FLAGS_SELF = 2;
    public const ushort IFLA_BRIDGE_FLAGS = 0, IFLA_BRIDGE_VLAN_INFO = 2;
    public const ushort BRIDGE_VLAN_INFO_PVID = 2, BRIDGE_VLAN_INFO_UNTAGGED = 4;
}
