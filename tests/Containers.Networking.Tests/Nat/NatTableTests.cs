using System.Net;
using System.Net.Sockets;
using Containers.Native.Netlink;
using Containers.Networking;
using Xunit;
using static Containers.Tests.Nat.NatLab;

namespace Containers.Tests.Nat;

/// <summary>Connections across the table of a process: who reaches whom, and by which address.</summary>
public sealed class NatTableTests : IClassFixture<HostState>
{
    private const int NoAnswer = 200; // milliseconds to wait for what must not come

    public static TheoryData<ProtocolType> Protocols => [ProtocolType.Tcp, ProtocolType.Udp];

    [Theory]
    [InlineData(ProtocolType.Tcp, true)]
    [InlineData(ProtocolType.Udp, true)]
    [InlineData(ProtocolType.Tcp, false)]
    [InlineData(ProtocolType.Udp, false)]
    public void Published_port_is_reached_from_everywhere(ProtocolType protocol, bool bridgeFilter)
    {
        Requires.OwnNetwork();
        using NatLab lab = new(bridgeFilter: bridgeFilter);
        using NatTable table = NatTable.Create(lab.Host.Handle, 1);
        table.AddNetwork(First);
        table.AddNetwork(Second);
        Forwarding.Enable(lab.Host.Handle, First);
        table.Publish([Port("", 8080, "172.30.0.2:80", protocol), Port("", 8080, "[fd30::2]:80", protocol)]);
        using TestNamespace.Responder web4 = lab.One.Listen(protocol, At("172.30.0.2:80")), web6 = lab.One.Listen(protocol, At("[fd30::2]:80"));

        Assert.Equal("10.9.0.2", lab.Outside.Ask(protocol, At("10.9.0.1:8080")));
        Assert.Equal("10.9.0.1", lab.Host.Ask(protocol, At("10.9.0.1:8080")));
        Assert.Equal("172.30.0.1", lab.Host.Ask(protocol, At("127.0.0.1:8080")));
        Assert.Equal("172.30.0.1", lab.Two.Ask(protocol, At("10.9.0.1:8080"))); // a neighbour, through the host
        Assert.Equal("172.30.0.1", lab.One.Ask(protocol, At("10.9.0.1:8080"))); // itself
        Assert.Equal("172.30.0.1", lab.One.Ask(protocol, At("172.30.0.1:8080")));
        Assert.Equal("172.30.0.1", lab.Three.Ask(protocol, At("10.9.0.1:8080"))); // of another network

        // No redirect (ICMP) taught them that the host's address is a neighbour's.
        using TestNamespace.Responder host = lab.Host.Listen(protocol, At("10.9.0.1:90"));
        Assert.Equal("172.30.0.2", lab.One.Ask(protocol, At("10.9.0.1:90")));
        Assert.Equal("172.30.0.3", lab.Two.Ask(protocol, At("10.9.0.1:90")));

        Assert.Equal("fd09::2", lab.Outside.Ask(protocol, At("[fd09::1]:8080")));
        Assert.Equal("fd09::1", lab.Host.Ask(protocol, At("[fd09::1]:8080")));
        Assert.Equal("fd30::1", lab.Two.Ask(protocol, At("[fd09::1]:8080")));
        Assert.Equal("fd30::1", lab.One.Ask(protocol, At("[fd09::1]:8080")));

        table.Unpublish([Port("", 8080, "172.30.0.2:80", protocol), Port("", 8080, "[fd30::2]:80", protocol)]);
        Assert.Null(lab.Outside.Ask(protocol, At("10.9.0.1:8080"), milliseconds: NoAnswer));
        Assert.Null(lab.Host.Ask(protocol, At("[fd09::1]:8080"), milliseconds: NoAnswer));
    }

    [Fact]
    public void Port_published_at_one_address_is_not_reached_at_another()
    {
        Requires.OwnNetwork();
        using NatLab lab = new();
        using NatTable table = NatTable.Create(lab.Host.Handle, 1);
        table.AddNetwork(First);
        Forwarding.Enable(lab.Host.Handle, First);
        table.Publish([Port("127.0.0.1", 8080, "172.30.0.2:80"), Port("10.9.0.1", 8081, "172.30.0.2:80"), Port("fd09::1", 8081, "[fd30::2]:80")]);
        using TestNamespace.Responder web4 = lab.One.Listen(ProtocolType.Tcp, At("172.30.0.2:80")), web6 = lab.One.Listen(ProtocolType.Tcp, At("[fd30::2]:80"));

        Assert.NotNull(lab.Host.Ask(ProtocolType.Tcp, At("127.0.0.1:8080")));
        Assert.Null(lab.Outside.Ask(ProtocolType.Tcp, At("10.9.0.1:8080"), milliseconds: NoAnswer));
        Assert.NotNull(lab.Outside.Ask(ProtocolType.Tcp, At("10.9.0.1:8081")));
        Assert.NotNull(lab.Outside.Ask(ProtocolType.Tcp, At("[fd09::1]:8081")));
        Assert.Null(lab.Outside.Ask(ProtocolType.Tcp, At("10.8.0.1:8081"), milliseconds: NoAnswer));
        Assert.Null(lab.Host.Ask(ProtocolType.Tcp, At("127.0.0.1:8081"), milliseconds: NoAnswer));
    }

    [Fact]
    public void Outside_sees_the_hosts_address()
    {
        Requires.OwnNetwork();
        using NatLab lab = new();
        using NatTable table = NatTable.Create(lab.Host.Handle, 1);
        using TestNamespace.Responder outside4 = lab.Outside.Listen(ProtocolType.Tcp, At("10.9.0.2:80")), outside6 = lab.Outside.Listen(ProtocolType.Tcp, At("[fd09::2]:80"));
        Assert.Equal("172.30.0.2", lab.One.Ask(ProtocolType.Tcp, At("10.9.0.2:80"))); // the outside's default route is the host

        table.AddNetwork(First);

        Assert.Equal("10.9.0.1", lab.One.Ask(ProtocolType.Tcp, At("10.9.0.2:80")));
        Assert.Equal("fd09::1", lab.One.Ask(ProtocolType.Tcp, At("[fd09::2]:80")));
        using TestNamespace.Responder two = lab.Two.Listen(ProtocolType.Tcp, At("172.30.0.3:80"));
        Assert.Equal("172.30.0.2", lab.One.Ask(ProtocolType.Tcp, At("172.30.0.3:80"))); // and a neighbour the container's own
    }

    [Fact]
    public void Networks_do_not_reach_each_other_and_from_outside_only_what_is_published_is_reached()
    {
        Requires.OwnNetwork();
        using NatLab lab = new();
        using NatTable table = NatTable.Create(lab.Host.Handle, 1), other = NatTable.Create(lab.Host.Handle, 2);
        using TestNamespace.Responder web4 = lab.One.Listen(ProtocolType.Tcp, At("172.30.0.2:80")), web6 = lab.One.Listen(ProtocolType.Tcp, At("[fd30::2]:80"));
        Assert.NotNull(lab.Three.Ask(ProtocolType.Tcp, At("172.30.0.2:80")));
        Assert.NotNull(lab.Outside.Ask(ProtocolType.Tcp, At("[fd30::2]:80")));

        table.AddNetwork(First);
        other.AddNetwork(Second); // of another process

        foreach (TestNamespace network in (TestNamespace[])[lab.Three, lab.Outside])
        {
            Assert.Null(network.Ask(ProtocolType.Tcp, At("172.30.0.2:80"), milliseconds: NoAnswer));
            Assert.Null(network.Ask(ProtocolType.Tcp, At("[fd30::2]:80"), milliseconds: NoAnswer));
        }

        Assert.NotNull(lab.Two.Ask(ProtocolType.Tcp, At("172.30.0.2:80")));
        Assert.NotNull(lab.Host.Ask(ProtocolType.Tcp, At("172.30.0.2:80")));
        table.RemoveNetwork("ctr0");
        Assert.NotNull(lab.Outside.Ask(ProtocolType.Tcp, At("[fd30::2]:80")));
    }

    [Fact]
    public void Two_processes_serve_one_bridge()
    {
        Requires.OwnNetwork();
        using NatLab lab = new();
        using NatTable second = NatTable.Create(lab.Host.Handle, 2);
        using TestNamespace.Responder web = lab.One.Listen(ProtocolType.Tcp, At("172.30.0.2:80")), web2 = lab.Two.Listen(ProtocolType.Tcp, At("172.30.0.3:80"));
        using (NatTable first = NatTable.Create(lab.Host.Handle, 1))
        {
            first.AddNetwork(First);
            second.AddNetwork(First);
            first.Publish([Port("", 8080, "172.30.0.2:80")]);
            second.Publish([Port("", 8081, "172.30.0.3:80")]);
            Assert.NotNull(lab.Outside.Ask(ProtocolType.Tcp, At("10.9.0.1:8080")));
            Assert.NotNull(lab.Outside.Ask(ProtocolType.Tcp, At("10.9.0.1:8081")));
        }

        Assert.Null(lab.Outside.Ask(ProtocolType.Tcp, At("10.9.0.1:8080"), milliseconds: NoAnswer));
        Assert.NotNull(lab.Outside.Ask(ProtocolType.Tcp, At("10.9.0.1:8081")));
        using TestNamespace.Responder outside = lab.Outside.Listen(ProtocolType.Tcp, At("10.9.0.2:80"));
        Assert.Equal("10.9.0.1", lab.Two.Ask(ProtocolType.Tcp, At("10.9.0.2:80")));
    }

    [Fact]
    public void Isolated_network_reaches_its_own_and_the_bridge_and_nothing_else()
    {
        Requires.OwnNetwork();
        using NatLab lab = new();
        using NatTable table = NatTable.Create(lab.Host.Handle, 1);
        table.AddNetwork(First with { Isolated = true });
        table.AddNetwork(Second);
        Forwarding.Enable(lab.Host.Handle, First with { Isolated = true });
        table.Publish([Port("", 8080, "172.30.0.2:80"), Port("", 8081, "172.31.0.2:80")]);
        using TestNamespace.Responder web = lab.One.Listen(ProtocolType.Tcp, At("172.30.0.2:80")), three = lab.Three.Listen(ProtocolType.Tcp, At("172.31.0.2:80"));
        using TestNamespace.Responder outside4 = lab.Outside.Listen(ProtocolType.Tcp, At("10.9.0.2:80")), outside6 = lab.Outside.Listen(ProtocolType.Tcp, At("[fd09::2]:80"));
        using TestNamespace.Responder host4 = lab.Host.Listen(ProtocolType.Tcp, At("0.0.0.0:90")), host6 = lab.Host.Listen(ProtocolType.Tcp, At("[::]:91"));

        foreach (string where in (string[])["172.30.0.2:80", "172.30.0.1:90", "[fd30::1]:91", "172.30.0.1:8080", "10.9.0.1:8080"])
        {
            Assert.NotNull(lab.Two.Ask(ProtocolType.Tcp, At(where)));
        }

        foreach (string where in (string[])["10.9.0.2:80", "[fd09::2]:80", "172.31.0.2:80", "10.9.0.1:90", "[fd09::1]:91", "172.31.0.1:90", "10.9.0.1:8081"])
        {
            Assert.Null(lab.Two.Ask(ProtocolType.Tcp, At(where), milliseconds: NoAnswer));
        }

        Assert.Null(lab.Outside.Ask(ProtocolType.Tcp, At("10.9.0.1:8080"), milliseconds: NoAnswer));
        Assert.NotNull(lab.Host.Ask(ProtocolType.Tcp, At("127.0.0.1:8080")));
        Assert.NotNull(lab.Outside.Ask(ProtocolType.Tcp, At("10.9.0.1:8081"))); // the other network is not touched
    }

    [Fact]
    public void Container_does_not_reach_the_hosts_loopback()
    {
        Requires.OwnNetwork();
        using NatLab lab = new();
        using TestNamespace.Responder secret = lab.Host.Listen(ProtocolType.Tcp, At("127.0.0.1:90"));
        lab.One.Bash("ip addr flush dev lo; echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet; ip route add 127.0.0.1/32 via 172.30.0.1 src 172.30.0.2");
        Forwarding.Enable(lab.Host.Handle, First);
        using (NatTable table = NatTable.Create(lab.Host.Handle, 1))
        {
            table.AddNetwork(First);
            Assert.Null(lab.One.Ask(ProtocolType.Tcp, At("127.0.0.1:90"), milliseconds: NoAnswer));
        }

        Assert.Null(lab.One.Ask(ProtocolType.Tcp, At("127.0.0.1:90"), milliseconds: NoAnswer)); // the guard is left
        lab.Host.Bash("nft delete table inet containers-guard");
        Assert.NotNull(lab.One.Ask(ProtocolType.Tcp, At("127.0.0.1:90"))); // and this is what it guards from
    }

    [Theory]
    [MemberData(nameof(Protocols))]
    public void Questions_for_names_go_to_the_responders_port(ProtocolType protocol)
    {
        Requires.OwnNetwork();
        using NatLab lab = new();
        using NatTable table = NatTable.Create(lab.Host.Handle, 1);
        table.AddNetwork(First);
        using TestNamespace.Responder names4 = lab.Host.Listen(protocol, At("172.30.0.1:4053")), names6 = lab.Host.Listen(protocol, At("[fd30::1]:4053"));
        NameRule rule4 = new(IPAddress.Parse("172.30.0.2"), IPAddress.Parse("172.30.0.1"), 4053), rule6 = new(IPAddress.Parse("fd30::2"), IPAddress.Parse("fd30::1"), 4053);
        table.RedirectNames(rule4);
        table.RedirectNames(rule6);

        Assert.Equal("172.30.0.2", lab.One.Ask(protocol, At("172.30.0.1:53")));
        Assert.Equal("fd30::2", lab.One.Ask(protocol, At("[fd30::1]:53")));
        Assert.Null(lab.Two.Ask(protocol, At("172.30.0.1:53"), milliseconds: NoAnswer));
        Assert.Null(lab.One.Ask(protocol, At("10.9.0.1:53"), milliseconds: NoAnswer));

        table.RemoveNames(rule4);
        Assert.Null(lab.One.Ask(protocol, At("172.30.0.1:53"), milliseconds: NoAnswer));
        Assert.Equal("fd30::2", lab.One.Ask(protocol, At("[fd30::1]:53")));
    }

    [Fact]
    public void Connections_of_others_go_on_while_containers_come_and_go()
    {
        Requires.OwnNetwork();
        using NatLab lab = new();
        using NatTable table = NatTable.Create(lab.Host.Handle, 1);
        table.AddNetwork(First);
        table.Publish([Port("", 8080, "172.30.0.2:80")]);
        using TestNamespace.Responder web = lab.One.Listen(ProtocolType.Tcp, At("172.30.0.2:80")), outside = lab.Outside.Listen(ProtocolType.Tcp, At("10.9.0.2:80"));
        using Socket into = lab.Outside.Open(ProtocolType.Tcp, AddressFamily.InterNetwork), @out = lab.Two.Open(ProtocolType.Tcp, AddressFamily.InterNetwork);
        into.Connect(At("10.9.0.1:8080"));
        @out.Connect(At("10.9.0.2:80"));
        byte[] answer = new byte[100];
        for (ushort i = 0; i < 20; i++)
        {
            PortRule[] ports = [Port("", (ushort)(9000 + i), "172.30.0.3:80")];
            NameRule[] names = [new(IPAddress.Parse("172.30.0.3"), IPAddress.Parse("172.30.0.1"), 4053)];
            table.Attach(ports, names);
            foreach (Socket socket in (Socket[])[into, @out])
            {
                socket.ReceiveTimeout = 5000;
                Assert.Equal(1, socket.Send("?"u8));
                Assert.True(socket.Receive(answer) > 0);
            }

            table.Detach(ports, names);
            table.AddNetwork(Second);
            table.RemoveNetwork("ctr1");
        }

        // Also of the networks themselves: what was connected before goes on.
        table.RemoveNetwork("ctr0");
        table.AddNetwork(First);
        into.Send("?"u8);
        Assert.True(into.Receive(answer) > 0);
    }

    [Fact]
    public void Rules_of_the_host_are_as_they_were()
    {
        Requires.OwnNetwork();
        Requires.Tools("nft");
        using NatLab lab = new();
        lab.Host.Bash("""
            nft -f - <<'EOF'
            table inet containers-7x { set bridges { type ifname; elements = { "eth9" }; }; }
            table ip nat { chain PREROUTING { type nat hook prerouting priority dstnat; tcp dport 99 dnat to 10.8.0.2:80; }; chain POSTROUTING { type nat hook postrouting priority srcnat; oifname "up1" masquerade; }; }
            table inet filter { chain forward { type filter hook forward priority filter; policy accept; ct state invalid drop; }; }
            EOF
            """);
        IReadOnlyList<string> before = NftJson.Ruleset(lab.Host);
        using TestNamespace.Responder lan = lab.Lan.Listen(ProtocolType.Tcp, At("10.8.0.2:80"));

        using (NatTable table = NatTable.Create(lab.Host.Handle, 7))
        {
            table.AddNetwork(First);
            table.Attach([Port("", 8080, "172.30.0.2:80")], []);
            Assert.Equal(before, NftJson.Ruleset(lab.Host).Where(line => !line.Contains("\"containers-7\"", StringComparison.Ordinal)));
            Assert.Equal("10.8.0.1", lab.Outside.Ask(ProtocolType.Tcp, At("10.9.0.1:99")));
        }

        Assert.Equal(before, NftJson.Ruleset(lab.Host));
    }

    [Fact]
    public void Commands_make_the_same_ruleset()
    {
        Requires.OwnNetwork();
        Requires.Tools("nft");
        using TestNamespace ours = new(), theirs = new();
        PortRule[] ports = [Port("", 8080, "172.30.0.2:80"), Port("", 8080, "[fd30::2]:80"), Port("10.9.0.1", 53, "172.30.0.2:53", ProtocolType.Udp), Port("fd09::1", 53, "[fd30::2]:53", ProtocolType.Udp)];
        NameRule[] names = [new(IPAddress.Parse("172.30.0.2"), IPAddress.Parse("172.30.0.1"), 4053), new(IPAddress.Parse("fd30::2"), IPAddress.Parse("fd30::1"), 4053)];
        PortRule[] gone = [Port("", 8081, "172.30.0.2:80"), Port("127.0.0.1", 8081, "172.30.0.3:80")];
        NatNetwork isolated = new("inner", IPNetwork.Parse("10.77.0.0/20"), null, Isolated: true);

        using NatTable table = NatTable.Create(ours.Handle, 3);
        table.AddNetwork(First);
        table.AddNetwork(isolated);
        table.AddNetwork(Second);
        table.Attach(ports, names);
        table.Attach(gone, []);
        table.Detach(gone, []);
        table.RemoveNetwork("ctr1");
        IEnumerable<string> commands = NatRules.ToCommands(3, batch =>
        {
            NatRules.AddTable(batch, owned: true);
            NatRules.AddNetwork(batch, First);
            NatRules.AddNetwork(batch, isolated);
            NatRules.AddNetwork(batch, Second);
            NatRules.Attach(batch, ports, names);
            NatRules.Attach(batch, gone, []);
            NatRules.Detach(batch, gone, []);
            NatRules.RemoveNetwork(batch, Second, [First, isolated]);
        });
        theirs.Bash($"nft -f - <<'EOF'\n{string.Join('\n', commands)}\nEOF");

        Assert.Equal(NftJson.Ruleset(theirs), NftJson.Ruleset(ours));
    }

    [Fact]
    public void Port_that_is_taken_is_refused_and_nothing_of_the_rest_is_made()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        using NatTable table = NatTable.Create(network.Handle, 1);
        table.Publish([Port("", 8080, "172.30.0.2:80")]);
        string before = network.Bash("nft list ruleset");

        NetworkException error = Assert.Throws<NetworkException>(() => table.Publish([Port("", 8081, "172.30.0.3:80"), Port("", 8080, "172.30.0.3:80")]));

        Assert.Contains("tcp . 8080", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, network.Bash("nft list ruleset"));
        table.Unpublish([Port("", 8081, "172.30.0.3:80")]); // which is not there
        table.Unpublish([Port("", 8080, "172.30.0.2:80")]);
        table.Publish([Port("", 8080, "172.30.0.3:80")]);
    }

    [Fact]
    public void Table_is_removed_replaced_when_left_and_refused_when_its_owner_lives()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        using NfTablesSocket socket = NfTablesSocket.Open(network.Handle);
        network.Bash("nft 'add table inet containers-1; add chain inet containers-1 left'");
        NatTable table = NatTable.Create(network.Handle, 1);
        Assert.True(table.IsOwned);
        Assert.DoesNotContain("left", network.Bash("nft list ruleset"), StringComparison.Ordinal);

        Assert.Throws<NetworkException>(() => NatTable.Create(network.Handle, 1));
        Assert.Equal(["containers-1"], socket.Tables());

        table.Dispose();
        table.Dispose();
        Assert.Empty(socket.Tables());
        table.Detach([Port("", 8080, "172.30.0.2:80")], []);
        Assert.Throws<ObjectDisposedException>(() => table.AddNetwork(First));
    }

    [Fact]
    public void Without_the_right_to_it_the_error_says_so_and_nothing_is_changed()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        NetworkException? table = null, forwarding = null;
        Thread thread = new(() =>
        {
            Native.Kernel.Check(Native.Kernel.setns(network.Handle.Descriptor, Native.Kernel.CLONE_NEWNET), "enter");
            Netlink.NfTablesTests.DropCapabilities();
            table = Assert.Throws<NetworkException>(() => NatTable.Create(null, 1));
            forwarding = Assert.Throws<NetworkException>(() => Forwarding.Enable(null, First));
        });
        thread.Start();
        thread.Join();

        Assert.Contains("CAP_NET_ADMIN", table!.Message, StringComparison.Ordinal);
        Assert.Contains("CAP_NET_ADMIN", forwarding!.Message, StringComparison.Ordinal);
        Assert.Empty(NftJson.Ruleset(network));
    }

    [Fact]
    public void Bridge_name_that_is_too_long_is_refused_and_the_table_goes_on()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        using NatTable table = NatTable.Create(network.Handle, 1);
        Assert.Throws<ArgumentException>(() => table.AddNetwork(First with { Bridge = "sixteen-bytes-it" }));
        table.AddNetwork(First);
    }

    [Fact]
    public void Many_threads_attach_and_detach()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        using NatTable table = NatTable.Create(network.Handle, 1);
        table.AddNetwork(First);
        string before = network.Bash("nft list ruleset");

        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            PortRule[] ports = [Port("", (ushort)(1000 + i), "172.30.0.2:80"), Port("", (ushort)(1000 + i), "[fd30::2]:80", ProtocolType.Udp)];
            table.Publish(ports);
            table.Unpublish(ports);
        });

        Assert.Equal(before, network.Bash("nft list ruleset"));
    }
}
