using System.Net;
using System.Text;
using static Containers.Native.Netlink.NfTables;

namespace Containers.Native.Netlink;

/// <summary>
/// A rule that is being written, statement by statement as nft(8) has them: each is a few of the kernel's expressions, which
/// pass values through registers, and a piece of text. Where a name begins with @ it is a set's.
/// </summary>
internal readonly ref struct NfRule
{
    private const uint First = NFT_REG32_00;
    private const byte TCP = 6, UDP = 17;

    private readonly NfTablesBatch _batch;
    private readonly NfExpressions _expressions;
    private readonly NetlinkMessages.Nesting _list;
    private readonly StringBuilder _text = new();
    private readonly string _chain;

    public NfRule(NfTablesBatch batch, string chain)
        : this(batch, chain, 0)
    {
    }

    private NfRule(NfTablesBatch batch, string chain, uint protocols)
    {
        _batch = batch;
        _chain = chain;
        _expressions = new NfExpressions(batch.Messages);
        batch.BeginRule(chain);
        _list = batch.Messages.Nest(NFTA_RULE_EXPRESSIONS);
        if (protocols != 0)
        {
            _expressions.Meta(NFT_META_L4PROTO, First);
            _expressions.Lookup(AnonymousName, First, id: protocols);
            _text.Append("meta l4proto { tcp, udp }");
        }
    }

    private const string AnonymousName = "__set%d"; // the kernel puts a number there

    /// <summary>A rule for TCP and UDP only: <c>meta l4proto { tcp, udp }</c>. Its set is written before it, so this stands first.</summary>
    public static NfRule ForTcpAndUdp(NfTablesBatch batch, string chain)
        => new(batch, chain, batch.AddAnonymousSet(new NfSet(AnonymousName, [NfField.InetProto]), [TCP, UDP]));

    /// <summary>The link it came in by; not known in output. In postrouting since Linux 5.7.</summary>
    public NfRule Iifname(string name, bool not = false) => LinkName(NFT_META_IIFNAME, "iifname", name, not);

    /// <summary>The link it leaves by.</summary>
    public NfRule Oifname(string name, bool not = false) => LinkName(NFT_META_OIFNAME, "oifname", name, not);

    /// <summary>Both links, looked up together.</summary>
    public NfRule IifnameAndOifname(string set)
    {
        _expressions.Meta(NFT_META_IIFNAME, First);
        _expressions.Meta(NFT_META_OIFNAME, First + 4);
        _expressions.Lookup(set[1..], First);
        return Text("iifname . oifname " + set);
    }

    /// <summary>Of IPv4, or of IPv6.</summary>
    public NfRule Nfproto(bool ipv6)
    {
        IsOf(ipv6);
        return Text("meta nfproto " + (ipv6 ? "ipv6" : "ipv4"));
    }

    public NfRule Saddr(IPNetwork network) => Address(network, source: true);

    public NfRule Daddr(IPNetwork network) => Address(network, source: false);

    /// <summary>The port it goes to. Only behind <see cref="ForTcpAndUdp"/>.</summary>
    public NfRule ThDport(ushort port)
    {
        _expressions.Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, First);
        _expressions.Cmp(First, [(byte)(port >> 8), (byte)port]);
        return Text("th dport " + port.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>It goes to an address of this host's own.</summary>
    public NfRule FibDaddrTypeLocal()
    {
        _expressions.FibAddressType(NFTA_FIB_F_DADDR, First);
        _expressions.Cmp(First, BitConverter.GetBytes(RTN_LOCAL));
        return Text("fib daddr type local");
    }

    /// <summary>It goes to an address that the link it came in by does not have itself.</summary>
    public NfRule FibDaddrIifTypeUnicast()
    {
        _expressions.FibAddressType(NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF, First);
        _expressions.Cmp(First, BitConverter.GetBytes(RTN_UNICAST));
        return Text("fib daddr . iif type unicast");
    }

    public NfRule CtStateEstablishedOrRelated() => Ct(NFT_CT_STATE, NF_CT_STATE_ESTABLISHED | NF_CT_STATE_RELATED, "ct state established,related");

    /// <summary>Of a connection whose destination was translated: a published port, whichever table did it.</summary>
    public NfRule CtStatusDnat() => Ct(NFT_CT_STATUS, IPS_DST_NAT, "ct status dnat");

    /// <summary>Counts packets and bytes that came as far as this.</summary>
    public NfRule Counter()
    {
        _expressions.Counter();
        return Text("counter");
    }

    /// <summary>Translates the destination to what a map has for this host's port: <c>proto . port : address . port</c>.</summary>
    public void DnatByPort(bool ipv6, NfSet map)
    {
        _expressions.Meta(NFT_META_L4PROTO, First);
        _expressions.Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, First + 1);
        Dnat(ipv6, map, "meta l4proto . th dport");
    }

    /// <summary>The same for one of the host's addresses: <c>address . proto . port : address . port</c>.</summary>
    public void DnatByAddressAndPort(bool ipv6, NfSet map)
    {
        IsOf(ipv6);
        uint behind = LoadAddress(ipv6, source: false, First);
        _expressions.Meta(NFT_META_L4PROTO, behind);
        _expressions.Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, behind + 1);
        Dnat(ipv6, map, $"{Family(ipv6)} daddr . meta l4proto . th dport");
    }

    /// <summary>Translates the destination to what a map has for two addresses: <c>source . destination : address . port</c>. Only behind <see cref="ForTcpAndUdp"/>.</summary>
    public void DnatByAddresses(bool ipv6, NfSet map)
    {
        IsOf(ipv6);
        LoadAddress(ipv6, source: false, LoadAddress(ipv6, source: true, First));
        Dnat(ipv6, map, $"{Family(ipv6)} saddr . {Family(ipv6)} daddr");
    }

    /// <summary>Gives it the address of the link it leaves by as its source.</summary>
    public void Masquerade()
    {
        _expressions.Masq();
        End("masquerade");
    }

    public void Drop()
    {
        _expressions.Immediate(NF_DROP);
        End("drop");
    }

    /// <summary>Ends this chain for it; chains of other tables still see it.</summary>
    public void Accept()
    {
        _expressions.Immediate(NF_ACCEPT);
        End("accept");
    }

    private void Dnat(bool ipv6, NfSet map, string key)
    {
        _expressions.Lookup(map.Name, First, destination: First);
        _expressions.Dnat(ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4, First, First + (ipv6 ? 4u : 1));
        End($"dnat {Family(ipv6)} to {key} map @{map.Name}");
    }

    private NfRule LinkName(uint key, string word, string name, bool not)
    {
        _expressions.Meta(key, First);
        if (name[0] == '@')
        {
            _expressions.Lookup(name[1..], First, not: not);
        }
        else
        {
            _expressions.Cmp(First, NfValue.Of(stackalloc byte[NfValue.MaxLength]).Name(name), not);
        }

        return Text($"{word} {(not ? "!= " : "")}{(name[0] == '@' ? name : $"\"{name}\"")}");
    }

    private NfRule Address(IPNetwork network, bool source)
    {
        bool ipv6 = network.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        byte[] address = network.BaseAddress.GetAddressBytes();
        IsOf(ipv6);
        LoadAddress(ipv6, source, First);
        if (network.PrefixLength < address.Length * 8)
        {
            Span<byte> mask = stackalloc byte[address.Length];
            for (int i = 0; i < network.PrefixLength; i++)
            {
                mask[i / 8] |= (byte)(0x80 >> (i % 8));
            }

            _expressions.And(First, mask);
        }

        _expressions.Cmp(First, address);
        return Text($"{Family(ipv6)} {(source ? "saddr" : "daddr")} {(network.PrefixLength == address.Length * 8 ? network.BaseAddress : network)}");
    }

    // Of the family inet are both IPv4 and IPv6: where a header is looked into, it has to be the right one.
    private void IsOf(bool ipv6)
    {
        _expressions.Meta(NFT_META_NFPROTO, First);
        _expressions.Cmp(First, [ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4]);
    }

    private uint LoadAddress(bool ipv6, bool source, uint register)
    {
        _expressions.Payload(NFT_PAYLOAD_NETWORK_HEADER, ipv6 ? (source ? 8u : 24) : (source ? 12u : 16), ipv6 ? 16u : 4, register);
        return register + (ipv6 ? 4u : 1);
    }

    private NfRule Ct(uint key, uint bits, string text)
    {
        _expressions.Ct(key, First);
        _expressions.And(First, BitConverter.GetBytes(bits));
        _expressions.Cmp(First, new byte[4], not: true);
        return Text(text);
    }

    private NfRule Text(string statement)
    {
        _text.Append(_text.Length == 0 ? "" : " ").Append(statement);
        return this;
    }

    private void End(string statement)
    {
        Text(statement);
        _list.Dispose();
        _batch.EndRule(_chain, _text.ToString());
    }

    private static string Family(bool ipv6) => ipv6 ? "ip6" : "ip";
}
