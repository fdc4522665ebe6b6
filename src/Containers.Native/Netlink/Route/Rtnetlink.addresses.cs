using System.Runtime.InteropServices;

namespace Containers.Native.Netlink;

// linux/if_addr.h, linux/neighbour.h, linux/fib_rules.h
internal static partial class Rtnetlink
{
    public const ushort IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_BROADCAST = 4, IFA_FLAGS = 8;
    public const uint IFA_F_NODAD = 2, IFA_F_TENTATIVE = 0x40, IFA_F_PERMANENT = 0x80;

    public const ushort NDA_DST = 1, NDA_LLADDR = 2, NDA_IFINDEX = 8;
    public const ushort NUD_PERMANENT = 0x80, NUD_NOARP = 0x40;

    public const ushort FRA_DST = 1, FRA_SRC = 2, FRA_IIFNAME = 3, FRA_PRIORITY = 6, FRA_FWMARK = 10, FRA_TABLE = 15, FRA_FWMASK = 16, FRA_OIFNAME = 17;
    public const byte FR_ACT_TO_TBL = 1, FR_ACT_BLACKHOLE = 6, FR_ACT_UNREACHABLE = 7, FR_ACT_PROHIBIT = 8;

    [StructLayout(LayoutKind.Sequential)]
    public struct ifaddrmsg
    {
        public byte ifa_family;
        public byte ifa_prefixlen;
        public byte ifa_flags;
        public byte ifa_scope;
        public int ifa_index;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct ndmsg
    {
        public byte ndm_family;
        private readonly byte pad1;
        private readonly ushort pad2;
        public int ndm_ifindex;
        public ushort ndm_state;
        public byte ndm_flags;
        public byte ndm_type;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct fib_rule_hdr
    {
        public byte family;
        public byte dst_len;
        public byte src_len;
        public byte tos;
        public byte table;
        private readonly byte res1;
        private readonly byte res2;
        public byte action;
        public uint flags;
    }
}
