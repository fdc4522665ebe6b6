using System.Net;
using System.Net.Sockets;
using Containers.Networking;
using Xunit;

namespace Containers.Tests.Names;

/// <summary>The server as others see it: glibc and busybox ask, dnsmasq is what they are passed on to.</summary>
public sealed class NameResponderTests : IClassFixture<HostState>
{
    private readonly TestNames _names = new();

    [Fact]
    public void C_library_finds_addresses_of_both_families_and_names_of_addresses()
    {
        Requires.OwnNetwork();
        using NameLab lab = new(_names);

        Assert.Equal(["172.30.0.5", "fd00:30::5"], lab.Lookup("db"));
        Assert.Equal(["172.30.0.6"], lab.Lookup("FOUR"));
        Assert.Equal(["fd00:30::7"], lab.Lookup("six"));
        Assert.Contains("db", lab.Run("getent", "hosts", "172.30.0.5"), StringComparison.Ordinal);
        Assert.Contains("db", lab.Run("getent", "hosts", "fd00:30::5"), StringComparison.Ordinal);
        Assert.All(_names.Asked, asked => Assert.Equal(NameLab.Client, asked.Asker.ToString()));
    }

    [Fact]
    public void C_library_asks_by_tcp_where_it_is_told_to_and_where_a_datagram_is_too_small()
    {
        Requires.OwnNetwork();
        using NameLab lab = new(_names);

        Assert.Equal(250, lab.Lookup("many").Length);
        lab.ContainerResolvConf = $"nameserver {NameLab.Gateway}\noptions use-vc\n";
        Assert.Equal(["172.30.0.5", "fd00:30::5"], lab.Lookup("db"));
    }

    [Fact]
    public void Server_at_an_address_of_version_6_answers_the_same()
    {
        Requires.OwnNetwork();
        using NameLab lab = new(_names, six: true);

        Assert.Equal(["172.30.0.5", "fd00:30::5"], lab.Lookup("db"));
        Assert.Contains(_names.Asked, asked => asked.Asker.ToString() == "fd00:30::2");
    }

    [Fact]
    public void Busybox_finds_addresses_and_names()
    {
        Requires.OwnNetwork();
        Requires.Tools("busybox");
        using Dnsmasq upstream = new();
        using NameLab lab = new(_names);

        Assert.Contains("172.30.0.5", lab.Run("busybox", "nslookup", "db"), StringComparison.Ordinal);
        Assert.Contains("name = db", lab.Run("busybox", "nslookup", "172.30.0.5"), StringComparison.Ordinal);
        Assert.Contains("192.0.2.7", lab.Run("busybox", "nslookup", "outside.example"), StringComparison.Ordinal);
        Assert.Contains("NXDOMAIN", lab.Try("busybox", "nslookup", "missing.example").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_names_are_asked_for_on_the_hosts_loopback_which_the_container_cannot_reach()
    {
        Requires.OwnNetwork();
        using Dnsmasq upstream = new();
        using NameLab lab = new(_names);

        Assert.Equal(["192.0.2.7", "2001:db8::7"], lab.Lookup("outside.example"));
        Assert.Equal(100, lab.Lookup("many.example").Length); // by TCP on both sides
        Assert.Contains("nine.example", lab.Run("getent", "hosts", "192.0.2.9"), StringComparison.Ordinal);
        Assert.Equal(2, lab.Try("getent", "hosts", "missing.example").ExitCode);
    }

    [Fact]
    public void Long_text_comes_cut_by_udp_and_whole_by_tcp()
    {
        Requires.OwnNetwork();
        using Dnsmasq upstream = new();
        using NameLab lab = new(_names);
        byte[] query = DnsQuery.Of("large.example", DnsQuery.TXT);

        byte[] cut = DnsQuery.AskUdp(lab.EndPoint, query);
        byte[] whole = DnsQuery.AskTcp(lab.EndPoint, query);
        byte[] large = DnsQuery.AskUdp(lab.EndPoint, DnsQuery.Of("large.example", DnsQuery.TXT, options: 4096));

        Assert.True(DnsQuery.IsTruncated(cut));
        Assert.InRange(cut.Length, 12, 512);
        Assert.All([whole, large], reply => Assert.Equal((1, 0, false), (DnsQuery.Answers(reply), DnsQuery.Code(reply), DnsQuery.IsTruncated(reply))));
        Assert.InRange(whole.Length, 3000, 65535);
        Assert.Equal(query[..2], whole[..2]);
        Wireshark.Fields([cut, whole, large], "dns.id");
    }

    [Fact]
    public void One_connection_takes_many_queries()
    {
        Requires.OwnNetwork();
        using Dnsmasq upstream = new();
        using NameLab lab = new(_names);
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(lab.EndPoint);

        for (ushort i = 1; i <= 20; i++)
        {
            byte[] reply = DnsQuery.AskTcp(socket, DnsQuery.Of(i % 2 == 0 ? "db" : "outside.example", DnsQuery.A, id: i));
            Assert.Equal((i, 1), ((reply[0] << 8) | reply[1], DnsQuery.Answers(reply)));
        }
    }

    [Fact]
    public async Task Many_queries_at_once_are_each_given_their_own_answer()
    {
        Requires.OwnNetwork();
        using Dnsmasq upstream = new();
        using NameLab lab = new(_names);

        await Task.WhenAll(Enumerable.Range(0, 400).Select(async i =>
        {
            (string name, int answers) = (i % 3) switch { 0 => ("db", 1), 1 => ("outside.example", 1), _ => ("missing.example", 0) };
            byte[] reply = await DnsQuery.AskUdpAsync(lab.EndPoint, DnsQuery.Of(name, DnsQuery.A, id: (ushort)i), TestContext.Current.CancellationToken);
            Assert.Equal(i, (reply[0] << 8) | reply[1]);
            Assert.True(DnsQuery.Answers(reply) == answers || DnsQuery.Code(reply) == 2); // a queue that was full is said to be
        }));

        Assert.Equal(["192.0.2.7", "2001:db8::7"], lab.Lookup("outside.example"));
    }

    [Fact]
    public void Server_that_does_not_answer_is_followed_by_the_next_one()
    {
        Requires.OwnNetwork();
        using Dnsmasq upstream = new();
        using Socket silent = new(SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 53));
        using NameLab lab = new(_names, "nameserver 127.0.0.2\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n");

        Assert.Equal(1, DnsQuery.Answers(DnsQuery.AskUdp(lab.EndPoint, DnsQuery.Of("outside.example", DnsQuery.A))));
        Assert.NotEqual(0, silent.Available);
    }

    [Fact]
    public async Task Answers_that_do_not_go_with_the_query_are_passed_over()
    {
        Requires.OwnNetwork();
        using Socket liar = new(SocketType.Dgram, ProtocolType.Udp);
        liar.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 53));
        using NameLab lab = new(_names, "nameserver 127.0.0.2\n");
        byte[] query = DnsQuery.Of("outside.example", DnsQuery.A, id: 0x4242);
        Task<byte[]> reply = Task.Run(() => DnsQuery.AskUdp(lab.EndPoint, query));

        byte[] asked = new byte[512];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        int length = liar.ReceiveFrom(asked, ref from);
        byte[] other = DnsQuery.Of("elsewhere.example", DnsQuery.A);
        liar.SendTo([(byte)~asked[0], asked[1], 0x80, 3, .. asked[4..length]], from); // another id
        liar.SendTo(asked[..length], from); // a query
        liar.SendTo([asked[0], asked[1], 0x80, 3, .. other[4..]], from); // another question
        liar.SendTo([asked[0], asked[1], 0x80, 3], from);
        liar.SendTo([asked[0], asked[1], 0x84, 0, .. asked[4..length]], from);

        Assert.Equal([0x42, 0x42, 0x84, 0, .. query[4..]], await reply);
        Assert.Equal(query[12..], asked[12..length]);
    }

    [Fact]
    public async Task Ids_and_ports_towards_other_servers_are_new_for_each_query()
    {
        Requires.OwnNetwork();
        using Socket upstream = new(SocketType.Dgram, ProtocolType.Udp);
        upstream.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 53));
        using NameLab lab = new(_names, "nameserver 127.0.0.2\n");
        HashSet<int> ids = [], ports = [];
        for (int i = 0; i < 40; i++)
        {
            Task<byte[]> reply = Task.Run(() => DnsQuery.AskUdp(lab.EndPoint, DnsQuery.Of("outside.example", DnsQuery.A, id: 7)));
            byte[] asked = new byte[512];
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            int length = upstream.ReceiveFrom(asked, ref from);
            ids.Add((asked[0] << 8) | asked[1]);
            ports.Add(((IPEndPoint)from).Port);
            upstream.SendTo([asked[0], asked[1], 0x80, 0, .. asked[4..length]], from);
            Assert.Equal(7, (await reply)[1]);
        }

        Assert.InRange(ids.Count, 35, 40);
        Assert.InRange(ports.Count, 35, 40);
    }

    [Fact]
    public void Where_no_server_is_to_be_had_the_answer_is_a_failure()
    {
        Requires.OwnNetwork();
        using NameLab lab = new(_names);

        foreach (byte[] reply in (byte[][])[DnsQuery.AskUdp(lab.EndPoint, DnsQuery.Of("outside.example", DnsQuery.A)), DnsQuery.AskTcp(lab.EndPoint, DnsQuery.Of("outside.example", DnsQuery.A))])
        {
            Assert.Equal((2, 0), (DnsQuery.Code(reply), DnsQuery.Answers(reply)));
        }
    }

    [Fact]
    public void Refusal_is_passed_on_when_nobody_has_better()
    {
        Requires.OwnNetwork();
        using Dnsmasq upstream = new();
        using NameLab lab = new(_names);

        Assert.Equal(5, DnsQuery.Code(DnsQuery.AskUdp(lab.EndPoint, DnsQuery.Of("beyond.invalid-for-dnsmasq", DnsQuery.A))));
    }

    [Fact]
    public void Isolated_network_asks_nobody_and_keeps_its_own_names()
    {
        Requires.OwnNetwork();
        _names.IsIsolated = true;
        using Dnsmasq upstream = new();
        using NameLab lab = new(_names);

        Assert.Equal(["172.30.0.5", "fd00:30::5"], lab.Lookup("db"));
        Assert.Empty(lab.Lookup("outside.example"));
        Assert.Equal(2, DnsQuery.Code(DnsQuery.AskUdp(lab.EndPoint, DnsQuery.Of("outside.example", DnsQuery.A))));
    }

    [Fact]
    public void Servers_that_a_container_was_given_are_asked_instead_of_the_hosts()
    {
        Requires.OwnNetwork();
        using Dnsmasq upstream = new("127.0.0.3");
        _names.Servers = [new IPEndPoint(IPAddress.Parse("127.0.0.3"), 53)];
        using NameLab lab = new(_names, "nameserver 127.0.0.4\n");

        Assert.Equal(["192.0.2.7", "2001:db8::7"], lab.Lookup("outside.example"));
    }

    [Fact]
    public void Change_of_the_hosts_file_counts_from_the_next_query()
    {
        Requires.OwnNetwork();
        using Dnsmasq upstream = new();
        using NameLab lab = new(_names, "nameserver 127.0.0.4\n");
        Assert.Empty(lab.Lookup("outside.example"));

        lab.HostResolvConf = "nameserver 127.0.0.1\n";

        Assert.Equal(["192.0.2.7", "2001:db8::7"], lab.Lookup("outside.example"));
    }

    [Fact]
    public void Server_listens_and_asks_in_the_namespace_it_was_given()
    {
        Requires.OwnNetwork();
        using TestNamespace other = new();
        using NameResponder server = NameResponder.Start(other.Handle, IPAddress.Loopback, _names);

        string sockets = other.Run("ss", "-Hlntu");
        Assert.Equal(2, sockets.Split('\n').Count(line => line.Contains($"127.0.0.1:{server.Port} ", StringComparison.Ordinal)));
        Assert.DoesNotContain($":{server.Port} ", Tool.Run("ss", "-Hlntu"), StringComparison.Ordinal);
    }

    [Fact]
    public void Address_that_is_not_there_is_refused_with_its_name()
    {
        Requires.OwnNetwork();
        ContainerException error = Assert.Throws<ContainerException>(() => NameResponder.Start(null, IPAddress.Parse("192.0.2.1"), _names));
        Assert.StartsWith("listen for names at 192.0.2.1: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Port_is_free_again_when_the_server_has_ended()
    {
        Requires.OwnNetwork();
        NameResponder server = NameResponder.Start(null, IPAddress.Loopback, _names);
        server.Dispose();

        using Socket socket = new(SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, server.Port));
    }

    [Fact]
    public void Client_that_asks_without_end_leaves_room_for_others()
    {
        AskerLimit limit = new(all: 5, each: 3);
        IPAddress one = IPAddress.Parse("172.30.0.2"), two = IPAddress.Parse("172.30.0.3");

        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => limit.TryEnter(one)));
        Assert.Equal([true, true, false], Enumerable.Range(0, 3).Select(_ => limit.TryEnter(two)));
        limit.Leave(one);
        Assert.True(limit.TryEnter(two));
    }
}
