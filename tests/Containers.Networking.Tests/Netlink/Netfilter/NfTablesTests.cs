using System.Net;
using Containers.Native;
using Containers.Native.Netlink;
using Xunit;

namespace Containers.Tests.Netlink;

/// <summary>Batches of nf_tables, and what nft(8) sees of them.</summary>
public sealed class NfTablesTests : IClassFixture<HostState>
{
    private static readonly NfSet s_bridges = new("bridges", [NfField.Ifname]);
    private static readonly NfSet s_inside = new("inside", [NfField.Ifname, NfField.Ifname]);
    private static readonly NfSet s_ports4 = new("ports4", [NfField.InetProto, NfField.InetService], [NfField.Ipv4Addr, NfField.InetService]);
    private static readonly NfSet s_bound4 = new("bound4", [NfField.Ipv4Addr, NfField.InetProto, NfField.InetService], [NfField.Ipv4Addr, NfField.InetService]);
    private static readonly NfSet s_bound6 = new("bound6", [NfField.Ipv6Addr, NfField.InetProto, NfField.InetService], [NfField.Ipv6Addr, NfField.InetService]);
    private static readonly NfSet s_names6 = new("names6", [NfField.Ipv6Addr, NfField.Ipv6Addr], [NfField.Ipv6Addr, NfField.InetService]);

    [Fact]
    public void All_that_can_be_asked_for_is_what_nft_makes_of_the_commands()
    {
        Requires.OwnNetwork();
        Requires.Tools("nft");
        using TestNamespace ours = new(), theirs = new();
        List<string> commands = [];
        NfTablesBatch batch = new("containers-test", commands);
        Everything(batch);
        using NfTablesSocket socket = NfTablesSocket.Open(ours.Handle);

        socket.Commit(batch);
        theirs.Bash($"nft -f - <<'EOF'\n{string.Join('\n', commands)}\nEOF");

        IReadOnlyList<string> expected = NftJson.Ruleset(theirs);
        Assert.Equal(expected, NftJson.Ruleset(ours));
        Assert.Equal(0, batch.Count);
    }

    [Fact]
    public void Types_of_sets_are_those_that_nft_knows()
    {
        Requires.OwnNetwork();
        Requires.Tools("nft");
        using TestNamespace network = new();
        NfTablesBatch batch = new("containers-test");
        Everything(batch);
        using NfTablesSocket socket = NfTablesSocket.Open(network.Handle);

        socket.Commit(batch);

        string text = network.Bash("nft list ruleset");
        Assert.Contains("type inet_proto . inet_service : ipv4_addr . inet_service\n\t\telements = { tcp . 80 : 172.30.0.2 . 8080 }", text, StringComparison.Ordinal);
        Assert.Contains("type ifname . ifname\n\t\telements = { \"ctr0\" . \"ctr0\" }", text, StringComparison.Ordinal);
        Assert.Contains("dnat ip6 to ip6 saddr . ip6 daddr map @names6", text, StringComparison.Ordinal);
        Assert.Contains("ip saddr 172.30.16.0/20 oifname != \"ctr0\" masquerade", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Batch_is_made_as_a_whole_or_not_at_all()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        using NfTablesSocket socket = NfTablesSocket.Open(network.Handle);
        NfTablesBatch batch = new("containers-test");
        batch.AddTable();
        batch.AddSet(s_bridges);
        batch.DeleteElement(s_bridges, NfValue.Of(stackalloc byte[NfValue.MaxLength]).Name("ctr9"));
        batch.DeleteChain("missing");

        NetlinkException error = Assert.Throws<NetlinkException>(() => socket.Commit(batch));

        Assert.Equal(("delete element", "\"ctr9\"", Errno.ENOENT), (error.Operation, error.Operand, error.Errno));
        Assert.Empty(socket.Tables());
    }

    [Fact]
    public void Element_that_is_there_is_an_error_where_it_must_be_new()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        using NfTablesSocket socket = NfTablesSocket.Open(network.Handle);
        NfTablesBatch batch = new("containers-test");
        Everything(batch);
        socket.Commit(batch);
        Port(batch, 80, "172.30.0.3");

        NetlinkException error = Assert.Throws<NetlinkException>(() => socket.Commit(batch));

        Assert.Equal(("add element", "tcp . 80", Errno.EEXIST), (error.Operation, error.Operand, error.Errno));
        Assert.Equal("tcp . 80 : 172.30.0.2 . 8080", Assert.Single(socket.Elements("containers-test", "ports4").Select(element => s_ports4.Text(element.Key, element.Data))));
    }

    [Fact]
    public void Elements_are_added_listed_and_deleted()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        using NfTablesSocket socket = NfTablesSocket.Open(network.Handle);
        NfTablesBatch batch = new("containers-test");
        Everything(batch);
        for (ushort port = 1000; port < 3000; port++)
        {
            Port(batch, port, "172.30.0.3");
        }

        socket.Commit(batch);
        Assert.Equal(2001, socket.Elements("containers-test", "ports4").Count);

        batch.DeleteElement(s_ports4, NfValue.Of(stackalloc byte[NfValue.MaxLength]).Protocol(6).Port(80));
        socket.Commit(batch);
        Assert.Equal(2000, socket.Elements("containers-test", "ports4").Count);

        batch.FlushSet(s_ports4);
        socket.Commit(batch);
        Assert.Empty(socket.Elements("containers-test", "ports4"));
    }

    [Fact]
    public void Rules_chains_and_tables_are_deleted()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        using NfTablesSocket socket = NfTablesSocket.Open(network.Handle);
        NfTablesBatch batch = new("containers-test");
        Everything(batch);
        socket.Commit(batch);
        IReadOnlyList<ulong> rules = socket.Rules("containers-test", "forward");
        Assert.Equal(5, rules.Count);

        batch.DeleteRule("forward", rules[1]);
        socket.Commit(batch);
        Assert.Equal(rules.Where(rule => rule != rules[1]), socket.Rules("containers-test", "forward"));

        batch.FlushChain("forward");
        batch.DeleteChain("forward");
        socket.Commit(batch);
        Assert.Empty(socket.Rules("containers-test", "forward"));

        batch.DeleteTable();
        socket.Commit(batch);
        Assert.Empty(socket.Tables());
    }

    [Fact]
    public void Owned_table_is_nobody_elses_and_goes_with_its_socket()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        using NfTablesSocket other = NfTablesSocket.Open(network.Handle);
        NfTablesBatch batch = new("containers-test");
        using (NfTablesSocket owner = NfTablesSocket.Open(network.Handle))
        {
            batch.AddTable(owned: true);
            batch.AddSet(s_bridges);
            owner.Commit(batch);

            batch.DeleteTable();
            NetlinkException error = Assert.Throws<NetlinkException>(() => other.Commit(batch));
            Assert.Equal(Errno.EPERM, error.Errno);
            Assert.Contains("another socket", error.Message, StringComparison.Ordinal);
            Assert.Equal(["containers-test"], other.Tables());
        }

        Assert.Empty(other.Tables());
    }

    [Fact]
    public void Without_CAP_NET_ADMIN_the_whole_batch_is_refused_with_one_answer()
    {
        Requires.OwnNetwork();
        NetlinkException? error = null;
        Thread thread = new(() =>
        {
            DropCapabilities();
            using NfTablesSocket socket = NfTablesSocket.Open();
            NfTablesBatch batch = new("containers-test");
            Everything(batch);
            error = socket.TryCommit(batch);
        });
        thread.Start();
        thread.Join();

        Assert.Equal(("change nf_tables", Errno.EPERM), (error!.Operation, error.Errno));
        Assert.Contains("CAP_NET_ADMIN", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Batch_for_a_subsystem_that_the_kernel_lacks_is_refused_with_one_answer()
    {
        Requires.OwnNetwork();
        using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
        NetlinkMessages messages = new();
        foreach (ushort type in (ushort[])[NfTables.NFNL_MSG_BATCH_BEGIN, 99 << 8, NfTables.NFNL_MSG_BATCH_END])
        {
            messages.Begin(type, type == 99 << 8 ? NetlinkMessages.NLM_F_ACK : (ushort)0, "message", $"{type}");
            messages.Header(new nfgenmsg(0, 99));
            messages.End();
        }

        NetlinkException error = Assert.Throws<NetlinkException>(() => socket.Transact(messages));

        Assert.Equal($"{NfTables.NFNL_MSG_BATCH_BEGIN}", error.Operand);
        Assert.True(error.Errno is Errno.EOPNOTSUPP or Errno.EINVAL, error.Message);
    }

    // One of each statement, set and value.
    private static void Everything(NfTablesBatch batch)
    {
        Span<byte> key = stackalloc byte[NfValue.MaxLength], data = stackalloc byte[NfValue.MaxLength];
        batch.AddTable();
        foreach (NfSet set in (NfSet[])[s_bridges, s_inside, s_ports4, s_bound4, s_bound6, s_names6])
        {
            batch.AddSet(set);
        }

        batch.AddChain("raw", "filter", NfHook.Prerouting, -300);
        batch.AddRule("raw").Iifname("@bridges").Daddr(IPNetwork.Parse("127.0.0.0/8")).Drop();
        batch.AddChain("prerouting", "nat", NfHook.Prerouting, -100);
        NfRule.ForTcpAndUdp(batch, "prerouting").ThDport(53).DnatByAddresses(ipv6: true, s_names6);
        batch.AddRule("prerouting").FibDaddrTypeLocal().DnatByAddressAndPort(ipv6: false, s_bound4);
        batch.AddRule("prerouting").FibDaddrTypeLocal().DnatByAddressAndPort(ipv6: true, s_bound6);
        batch.AddRule("prerouting").FibDaddrTypeLocal().DnatByPort(ipv6: false, s_ports4);
        batch.AddChain("output", "nat", NfHook.Output, -100);
        batch.AddChain("forward", "filter", NfHook.Forward, 0);
        batch.AddRule("forward").IifnameAndOifname("@inside").Counter().Accept();
        batch.AddRule("forward").Iifname("@bridges").Oifname("@bridges", not: true).Drop();
        batch.AddRule("forward").CtStateEstablishedOrRelated().Accept();
        batch.AddRule("forward").CtStatusDnat().Accept();
        batch.AddRule("forward").Oifname("ctr0").Daddr(IPNetwork.Parse("fd00::1/128")).Drop();
        batch.AddChain("input", "filter", NfHook.Input, 0, accept: false);
        batch.AddRule("input").Iifname("ctr0").FibDaddrIifTypeUnicast().Drop();
        batch.AddChain("postrouting", "nat", NfHook.Postrouting, 100);
        batch.AddRule("postrouting").Saddr(IPNetwork.Parse("172.30.16.0/20")).Oifname("ctr0", not: true).Masquerade();
        batch.AddRule("postrouting").Saddr(IPNetwork.Parse("fd00:1::/64")).Oifname("ctr0").CtStatusDnat().Masquerade();

        batch.AddElement(s_bridges, NfValue.Of(key).Name("ctr0"));
        batch.AddElement(s_inside, NfValue.Of(key).Name("ctr0").Name("ctr0"));
        Port(batch, 80, "172.30.0.2");
        batch.AddElement(s_bound4, NfValue.Of(key).Address(IPAddress.Parse("10.1.2.3")).Protocol(17).Port(80), NfValue.Of(data).Address(IPAddress.Parse("172.30.0.2")).Port(8080));
        batch.AddElement(s_bound6, NfValue.Of(key).Address(IPAddress.Parse("fd00::1")).Protocol(6).Port(443), NfValue.Of(data).Address(IPAddress.Parse("fd00:1::2")).Port(8443));
        batch.AddElement(s_names6, NfValue.Of(key).Address(IPAddress.Parse("fd00:1::2")).Address(IPAddress.Parse("fd00:1::1")), NfValue.Of(data).Address(IPAddress.Parse("fd00:1::1")).Port(4053));
    }

    private static void Port(NfTablesBatch batch, ushort port, string address)
    {
        Span<byte> key = stackalloc byte[NfValue.MaxLength], data = stackalloc byte[NfValue.MaxLength];
        batch.AddElement(s_ports4, NfValue.Of(key).Protocol(6).Port(port), NfValue.Of(data).Address(IPAddress.Parse(address)).Port(8080));
    }

    // Of this thread only, which ends soon: capset(2).
    internal static unsafe void DropCapabilities()
    {
        ulong header = 0x20080522; // _LINUX_CAPABILITY_VERSION_3, and 0 for the calling thread
        uint* sets = stackalloc uint[6];
        new Span<uint>(sets, 6).Clear();
        Kernel.Check(Kernel.Call(SystemCall.capset, (long)&header, (long)sets), "drop capabilities");
    }
}
