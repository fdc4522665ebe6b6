namespace Containers.Native.Netlink;

/// <summary>
/// The numbers of nf_tables, with the kernel's names: linux/netfilter/nf_tables.h, nfnetlink.h, and the keys of registers and
/// hooks from linux/netfilter.h.
/// </summary>
internal static class NfTables
{
    public const ushort NFNL_MSG_BATCH_BEGIN = 0x10, NFNL_MSG_BATCH_END = 0x11;
    public const ushort NFNL_SUBSYS_CTNETLINK = 1, NFNL_SUBSYS_NFTABLES = 10;

    public const ushort NFT_MSG_NEWTABLE = 0, NFT_MSG_GETTABLE = 1, NFT_MSG_DELTABLE = 2;
    public const ushort NFT_MSG_NEWCHAIN = 3, NFT_MSG_DELCHAIN = 5;
    public const ushort NFT_MSG_NEWRULE = 6, NFT_MSG_GETRULE = 7, NFT_MSG_DELRULE = 8;
    public const ushort NFT_MSG_NEWSET = 9;
    public const ushort NFT_MSG_NEWSETELEM = 12, NFT_MSG_GETSETELEM = 13, NFT_MSG_DELSETELEM = 14;

    public const byte NFPROTO_INET = 1, NFPROTO_IPV4 = 2, NFPROTO_IPV6 = 10;

    public const uint NFT_TABLE_F_OWNER = 2;
    public const ushort NFTA_TABLE_NAME = 1, NFTA_TABLE_FLAGS = 2;

    public const ushort NFTA_CHAIN_TABLE = 1, NFTA_CHAIN_NAME = 3, NFTA_CHAIN_HOOK = 4, NFTA_CHAIN_POLICY = 5, NFTA_CHAIN_TYPE = 7;
    public const ushort NFTA_HOOK_HOOKNUM = 1, NFTA_HOOK_PRIORITY = 2;

    public const ushort NFTA_RULE_TABLE = 1, NFTA_RULE_CHAIN = 2, NFTA_RULE_HANDLE = 3, NFTA_RULE_EXPRESSIONS = 4;
    public const ushort NFTA_LIST_ELEM = 1, NFTA_EXPR_NAME = 1, NFTA_EXPR_DATA = 2;
    public const ushort NFTA_DATA_VALUE = 1, NFTA_DATA_VERDICT = 2, NFTA_VERDICT_CODE = 1;
    public const int NF_DROP = 0, NF_ACCEPT = 1;

    public const uint NFT_SET_ANONYMOUS = 1, NFT_SET_CONSTANT = 2, NFT_SET_MAP = 8;
    public const ushort NFTA_SET_TABLE = 1, NFTA_SET_NAME = 2, NFTA_SET_FLAGS = 3, NFTA_SET_KEY_TYPE = 4, NFTA_SET_KEY_LEN = 5;
    public const ushort NFTA_SET_DATA_TYPE = 6, NFTA_SET_DATA_LEN = 7, NFTA_SET_ID = 10, NFTA_SET_USERDATA = 13;
    public const byte NFTNL_UDATA_SET_KEYBYTEORDER = 0; // libnftnl/udata.h
    public const ushort NFTA_SET_ELEM_LIST_TABLE = 1, NFTA_SET_ELEM_LIST_SET = 2, NFTA_SET_ELEM_LIST_ELEMENTS = 3, NFTA_SET_ELEM_LIST_SET_ID = 4;
    public const ushort NFTA_SET_ELEM_KEY = 1, NFTA_SET_ELEM_DATA = 2;

    // Registers of four bytes, sixteen of them; the older ones of sixteen bytes (NFT_REG_1 to 4) lie over them in fours.
    public const uint NFT_REG_VERDICT = 0, NFT_REG32_00 = 8;

    public const ushort NFTA_META_DREG = 1, NFTA_META_KEY = 2;
    public const uint NFT_META_IIFNAME = 6, NFT_META_OIFNAME = 7, NFT_META_NFPROTO = 15, NFT_META_L4PROTO = 16;

    public const ushort NFTA_CMP_SREG = 1, NFTA_CMP_OP = 2, NFTA_CMP_DATA = 3;
    public const uint NFT_CMP_EQ = 0, NFT_CMP_NEQ = 1;

    public const ushort NFTA_PAYLOAD_DREG = 1, NFTA_PAYLOAD_BASE = 2, NFTA_PAYLOAD_OFFSET = 3, NFTA_PAYLOAD_LEN = 4;
    public const uint NFT_PAYLOAD_NETWORK_HEADER = 1, NFT_PAYLOAD_TRANSPORT_HEADER = 2;

    public const ushort NFTA_LOOKUP_SET = 1, NFTA_LOOKUP_SREG = 2, NFTA_LOOKUP_DREG = 3, NFTA_LOOKUP_SET_ID = 4, NFTA_LOOKUP_FLAGS = 5;
    public const uint NFT_LOOKUP_F_INV = 1;

    public const ushort NFTA_BITWISE_SREG = 1, NFTA_BITWISE_DREG = 2, NFTA_BITWISE_LEN = 3, NFTA_BITWISE_MASK = 4, NFTA_BITWISE_XOR = 5;
    public const ushort NFTA_IMMEDIATE_DREG = 1, NFTA_IMMEDIATE_DATA = 2;

    public const ushort NFTA_CT_DREG = 1, NFTA_CT_KEY = 2;
    public const uint NFT_CT_STATE = 0, NFT_CT_STATUS = 2;
    public const uint NF_CT_STATE_ESTABLISHED = 2, NF_CT_STATE_RELATED = 4; // NF_CT_STATE_BIT(IP_CT_ESTABLISHED) and so on
    public const uint IPS_DST_NAT = 0x20;

    public const ushort NFTA_FIB_DREG = 1, NFTA_FIB_RESULT = 2, NFTA_FIB_FLAGS = 3;
    public const uint NFT_FIB_RESULT_ADDRTYPE = 3, NFTA_FIB_F_DADDR = 2, NFTA_FIB_F_IIF = 8;
    public const uint RTN_UNICAST = 1, RTN_LOCAL = 2;

    public const ushort NFTA_NAT_TYPE = 1, NFTA_NAT_FAMILY = 2, NFTA_NAT_REG_ADDR_MIN = 3, NFTA_NAT_REG_PROTO_MIN = 5;
    public const uint NFT_NAT_DNAT = 1;
}

/// <summary>Where a base chain hangs: enum nf_inet_hooks.</summary>
internal enum NfHook : uint
{
    Prerouting = 0,
    Input = 1,
    Forward = 2,
    Output = 3,
    Postrouting = 4,
}
