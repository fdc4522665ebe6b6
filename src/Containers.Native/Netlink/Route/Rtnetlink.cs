using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Containers.Native.Netlink;

/// <summary>The words of rtnetlink(7), in one partial class with a file per C header: this one is linux/rtnetlink.h.</summary>
internal static partial class Rtnetlink
{
    public const ushort RTM_NEWLINK = 16, RTM_DELLINK = 17, RTM_GETLINK = 18, RTM_SETLINK = 19;
    public const ushort RTM_NEWADDR = 20, RTM_DELADDR = 21, RTM_GETADDR = 22;
    public const ushort RTM_NEWROUTE = 24, RTM_DELROUTE = 25, RTM_GETROUTE = 26;
    public const ushort RTM_NEWNEIGH = 28, RTM_DELNEIGH = 29, RTM_GETNEIGH = 30;
    public const ushort RTM_NEWRULE = 32, RTM_DELRULE = 33, RTM_GETRULE = 34;
    public const ushort RTM_NEWQDISC = 36, RTM_DELQDISC = 37, RTM_GETQDISC = 38;

    public const byte RTPROT_STATIC = 4, RTPROT_BOOT = 3;
    public const byte RT_SCOPE_UNIVERSE = 0, RT_SCOPE_LINK = 253, RT_SCOPE_HOST = 254, RT_SCOPE_NOWHERE = 255;
    public const byte RT_TABLE_UNSPEC = 0, RT_TABLE_MAIN = 254, RT_TABLE_LOCAL = 255;
    public const uint RTNH_F_ONLINK = 4;
    public const uint RTEXT_FILTER_BRVLAN = 2, RTEXT_FILTER_SKIP_STATS = 8;

    public const ushort RTA_DST = 1, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PRIORITY = 6, RTA_PREFSRC = 7, RTA_TABLE = 15;

    public const ushort TCA_KIND = 1, TCA_OPTIONS = 2;

    [StructLayout(LayoutKind.Sequential)]
    public struct ifinfomsg
    {
        public byte ifi_family;
        private readonly byte pad;
        public ushort ifi_type;
        public int ifi_index;
        public uint ifi_flags;
        public uint ifi_change;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct rtmsg
    {
        public byte rtm_family;
        public byte rtm_dst_len;
        public byte rtm_src_len;
        public byte rtm_tos;
        public byte rtm_table;
        public byte rtm_protocol;
        public byte rtm_scope;
        public byte rtm_type;
        public uint rtm_flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct tcmsg
    {
        public byte tcm_family;
        private readonly byte pad1;
        private readonly ushort pad2;
        public int tcm_ifindex;
        public uint tcm_handle;
        public uint tcm_parent;
        public uint tcm_info;
    }

    /// <summary>AF_INET or AF_INET6, as the kernel numbers them: .NET has Windows' number for the second.</summary>
    public static byte Family(AddressFamily family) => family switch
    {
        AddressFamily.InterNetwork => Kernel.AF_INET,
        AddressFamily.InterNetworkV6 => Kernel.AF_INET6,
        AddressFamily.Unspecified => Kernel.AF_UNSPEC,
        _ => throw new ArgumentOutOfRangeException(nameof(family), family, "Addresses are IPv4 or IPv6."),
    };

    public static AddressFamily Family(byte family) => family switch
    {
        Kernel.AF_INET => AddressFamily.InterNetwork,
        Kernel.AF_INET6 => AddressFamily.InterNetworkV6,
        _ => AddressFamily.Unspecified,
    };

    /// <summary>An attribute of an address: 4 or 16 bytes.</summary>
    public static void Address(this NetlinkMessages messages, ushort type, IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        messages.Attribute(type, bytes[..length]);
    }
}
