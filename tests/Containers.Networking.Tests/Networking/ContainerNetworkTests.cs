using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Xunit;

namespace Containers.Tests.Networking;

/// <summary>Containers on bridges, seen from inside and from the host.</summary>
public sealed class ContainerNetworkTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Default_bridge_gives_an_address_a_default_route_and_a_resolver()
    {
        Requires.OwnNetwork();

        string seen = await root.Sh("ip -o -4 addr show eth0; ip route; cat /etc/resolv.conf; ping -c 1 -W 5 172.30.0.1 > /dev/null && echo reached", container => container.WithNet());

        Assert.Contains("inet 172.30.0.", seen);
        Assert.Contains("/16", seen);
        Assert.Contains("default via 172.30.0.1 dev eth0", seen);
        Assert.Contains("nameserver 172.30.0.1", seen);
        Assert.Contains("reached", seen);
    }

    [Fact]
    public async Task Bridge_and_address_are_as_asked_and_seen_by_ip()
    {
        Requires.OwnNetwork();
        await using Container container = root.Container.WithNet(net => net.Bridge("ctr0").Address("172.29.0.3/16").MacAddress("02:00:00:00:00:07").Mtu(1400)).WithCommand("sleep", "100").Start();
        ContainerInterface link = Assert.Single(container.Network.Interfaces);

        JsonElement bridge = Ip("link", "show", "ctr0");
        JsonElement host = Ip("link", "show", link.HostLink.Name);
        JsonElement inside = Inside(container, "addr", "show", "eth0");

        Assert.Equal("bridge", bridge.GetProperty("linkinfo").GetProperty("info_kind").GetString());
        Assert.Equal("172.29.0.1", Ip("-4", "addr", "show", "ctr0").GetProperty("addr_info")[0].GetProperty("local").GetString());
        Assert.Equal("ctr0", host.GetProperty("master").GetString());
        Assert.Equal("UP", host.GetProperty("operstate").GetString());
        Assert.Equal("02:00:00:00:00:07", inside.GetProperty("address").GetString());
        Assert.Equal(1400, inside.GetProperty("mtu").GetInt32());
        Assert.Equal("172.29.0.3", inside.GetProperty("addr_info")[0].GetProperty("local").GetString());
        Assert.Equal(16, inside.GetProperty("addr_info")[0].GetProperty("prefixlen").GetInt32());
        Assert.Equal(IPAddress.Parse("172.29.0.3"), container.Network.Address);
    }

    [Fact]
    public async Task Everything_is_gone_when_the_last_user_goes()
    {
        Requires.OwnNetwork();
        Network.ReleaseUnused(); // bridges of other tests: the kernel adds their IPv6 routes when it has seen that nobody has the address
        string before = State();
        using (Network network = Network.Bridge("gone0", "10.66.0.0/24", new NetworkOptions { Subnet6 = "fd00:66::/64" }))
        {
            await using Container container = root.Container.WithNet(net => net.Network(network).Publish(0, 80)).WithCommand("sleep", "100").Start();
            Assert.NotEqual(before, State());
        }

        Assert.Equal(before, State());
    }

    [Fact]
    public async Task Ports_and_links_end_with_the_command_and_not_with_its_disposal()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("ends0", "10.67.0.0/24");
        await using Container container = root.Container.WithNet(net => net.Network(network).Publish(18080, 80)).WithCommand("true").Start();
        string veth = container.Network.Interfaces[0].Names[0];
        await container.WaitAsync(Stop);

        await Eventually(() => !Tool.Run("ip", "-o", "link").Contains("master ends0", StringComparison.Ordinal));
        await using Container next = root.Container.WithNet(net => net.Network(network).Publish(18080, 80)).WithCommand("true").Start();
        Assert.NotEqual(veth, next.Network.Interfaces[0].Names[0]);
        Assert.Equal(18080, Assert.Single(next.Ports).HostPort);
        await next.WaitAsync(Stop);
        // The kernel takes a network namespace down in its own time, as above.
        await Eventually(() => !Tool.Run("ip", "-o", "link").Contains("master ends0", StringComparison.Ordinal));
        Assert.Throws<NetworkException>(() => next.Network.Interfaces[0].Counters());
    }

    [Fact]
    public async Task Containers_find_each_other_by_name_alias_and_id()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("names0", "10.68.0.0/24");
        await using Container server = root.Container.WithId("the-server").WithHostname("web").WithNet(net => net.Network(network).Alias("db", "Store.Example")).WithCommand("sleep", "100").Start();

        string found = await root.Sh("for n in web db store.example the-server; do nslookup $n | tail -n +3 | grep -m1 Address; done; nslookup 10.68.0." + server.Network.Address!.GetAddressBytes()[3] + " | grep -o 'name = .*'", container => container.WithNet(network));

        Assert.Equal($"Address: {server.Network.Address}\nAddress: {server.Network.Address}\nAddress: {server.Network.Address}\nAddress: {server.Network.Address}\nname = web\n", found);
    }

    [Fact]
    public async Task Names_end_at_the_network_and_with_the_container()
    {
        Requires.OwnNetwork();
        using Network one = Network.Bridge("one0", "10.69.1.0/24");
        using Network other = Network.Bridge("other0", "10.69.2.0/24", new NetworkOptions { Isolated = true });
        Container server = root.Container.WithHostname("web").WithNet(one).WithCommand("sleep", "100").Start();

        Assert.Contains("10.69.1.", await Lookup(one));
        Assert.DoesNotContain("10.69.1.", await Lookup(other));
        await server.DisposeAsync();
        Assert.DoesNotContain("10.69.1.", await Lookup(one));

        async Task<string> Lookup(Network network) => await root.Sh("nslookup web 2>&1 | tail -n +3 || true", container => container.WithNet(network));
    }

    [Fact]
    public async Task Container_on_two_networks_has_two_links_and_finds_names_of_both()
    {
        Requires.OwnNetwork();
        using Network front = Network.Bridge("front0", "10.70.1.0/24");
        using Network back = Network.Bridge("back0", "10.70.2.0/24", new NetworkOptions { Isolated = true });
        await using Container web = root.Container.WithHostname("web").WithNet(front).WithCommand("sleep", "100").Start();
        await using Container db = root.Container.WithHostname("db").WithNet(back).WithCommand("sleep", "100").Start();

        string seen = await root.Sh("ip -o -4 addr | grep -o 'eth. .*inet 10.70[.0-9]*' | sed 's/ .*inet / /'; ip route | grep default; ping -c1 -W5 web > /dev/null && echo web; ping -c1 -W5 db > /dev/null && echo db", container => container.WithNet(front).WithNet(back));

        Assert.Equal("eth0 10.70.1.3\neth1 10.70.2.3\ndefault via 10.70.1.1 dev eth0 \nweb\ndb\n", seen);
    }

    [Fact]
    public async Task Network_with_a_gateway_has_the_default_route_and_two_cannot()
    {
        Requires.OwnNetwork();
        using Network one = Network.Bridge("gate1", "10.77.1.0/24"), other = Network.Bridge("gate2", "10.77.2.0/24");

        Assert.Equal("default via 10.77.2.9 dev eth1 \n", await root.Sh("ip route | grep default", container => container.WithNet(one).WithNet(net => net.Network(other).Gateway("10.77.2.9"))));
        Assert.Contains("one default route", Assert.Throws<NetworkException>(() => root.Container.WithNet(net => net.Network(one).Gateway("10.77.1.9")).WithNet(net => net.Network(other).Gateway("10.77.2.9")).WithCommand("true").Start()).Message);
    }

    [Fact]
    public void Bridge_of_a_process_that_keeps_its_locks_elsewhere_is_left_alone()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("mine0", "10.78.0.0/24");

        // Another directory of locks, as a process in a container on the host's network would have.
        (int exitCode, _, string error) = Tool.Try("env", $"CONTAINERS_RUN={root["other-run"]}", "timeout", "30", "dotnet", Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll"), "net", root.Path, root["store-of-other"], "yours0", "10.79.0.0/24", "stranger");

        Assert.NotEqual(0, exitCode); // it cannot have our table of rules
        Assert.Contains("NetworkException", error);
        Assert.Contains("mine0", Tool.Run("ip", "-o", "link"));
        Assert.DoesNotContain("yours0", Tool.Run("ip", "-o", "link"));
        Assert.Contains("containers-1", Tool.Run("nft", "list", "tables"));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("10.71.0.1")]
    public async Task Published_ports_are_reached_from_the_host(string host)
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("ports0", "10.71.0.0/24");
        await using Container server = root.Container.WithNet(net => net.Network(network).Publish(0, 7000).Publish(0, 7001, TransportProtocol.Udp)).WithCommand("sleep", "100").Start();
        using TestNamespace inside = TestNamespace.Of(server);
        using TestNamespace.Responder tcp = inside.Listen(ProtocolType.Tcp, new IPEndPoint(IPAddress.Any, 7000)), udp = inside.Listen(ProtocolType.Udp, new IPEndPoint(IPAddress.Any, 7001));
        Assert.All(server.Ports, port => Assert.InRange(port.HostPort, 1024, 65535));

        Assert.Equal("10.71.0.1", Ask(ProtocolType.Tcp, new IPEndPoint(IPAddress.Parse(host), server.Ports[0].HostPort)));
        Assert.Equal("10.71.0.1", Ask(ProtocolType.Udp, new IPEndPoint(IPAddress.Parse(host), server.Ports[1].HostPort)));
    }

    [Fact]
    public async Task Published_ports_are_reached_from_other_networks_and_from_the_container_itself()
    {
        Requires.OwnNetwork();
        using Network one = Network.Bridge("pub1", "10.76.1.0/24"), other = Network.Bridge("pub2", "10.76.2.0/24");
        await using Container server = root.Container.WithNet(net => net.Network(one).Publish(0, 7000)).WithCommand("sleep", "100").Start();
        await using Container neighbour = root.Container.WithNet(one).WithCommand("sleep", "100").Start();
        await using Container stranger = root.Container.WithNet(other).WithCommand("sleep", "100").Start();
        using TestNamespace inside = TestNamespace.Of(server), near = TestNamespace.Of(neighbour), far = TestNamespace.Of(stranger);
        using TestNamespace.Responder listener = inside.Listen(ProtocolType.Tcp, new IPEndPoint(IPAddress.Any, 7000));
        IPEndPoint published = new(IPAddress.Parse("10.76.1.1"), server.Ports[0].HostPort), own = new(server.Network.Address!, 7000);

        Assert.NotNull(inside.Ask(ProtocolType.Tcp, published));
        Assert.NotNull(near.Ask(ProtocolType.Tcp, published));
        Assert.NotNull(far.Ask(ProtocolType.Tcp, published));
        Assert.NotNull(near.Ask(ProtocolType.Tcp, own));
        Assert.Null(far.Ask(ProtocolType.Tcp, own, milliseconds: 300)); // another network, but for what is published
    }

    [Fact]
    public async Task Containers_can_share_a_network_as_a_pod_does()
    {
        Requires.OwnNetwork();
        await using Container pod = root.Container.WithHostname("pod").WithNet(net => net.Bridge("pod0", "10.72.0.0/24").Alias("shared")).WithCommand("sleep", "100").Start();

        string seen = await root.Sh("ip -o -4 addr show eth0; cat /etc/resolv.conf; nslookup shared | tail -n +3 | grep -c 10.72.0", container => container.WithNet(Net.Of(pod)));

        Assert.Contains($"inet {pod.Network.Address}/24", seen);
        Assert.Contains("nameserver 10.72.0.1", seen);
        Assert.EndsWith("1\n", seen);
        pod.Kill();
        await pod.WaitAsync(Stop);
        Assert.Contains("has ended", Assert.Throws<NetworkException>(() => root.Container.WithNet(Net.Of(pod)).WithCommand("true").Start()).Message);
    }

    [Fact]
    public async Task Isolated_network_has_no_default_route()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("iso0", "10.73.0.0/24", new NetworkOptions { Isolated = true });

        Assert.Equal("10.73.0.0/24 dev eth0 scope link  src 10.73.0.2 \n", await root.Sh("ip route", container => container.WithNet(network)));
    }

    [Fact]
    public async Task Two_families_have_an_address_each()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("six0", "10.74.0.0/24", new NetworkOptions { Subnet6 = "fd00:74::/64" });

        string seen = await root.Sh("ip -o addr show eth0 | grep -o 'inet6* [^ ]*' | grep -v fe80; ip -6 route | grep default; ping -6 -c1 -W5 fd00:74::1 > /dev/null && echo reached", container => container.WithNet(network));

        Assert.Equal("inet 10.74.0.2/24\ninet6 fd00:74::2/64\ndefault via fd00:74::1 dev eth0  metric 1024 \nreached\n", seen);
    }

    [Fact]
    public async Task Counters_are_those_of_ip()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("count0", "10.75.0.0/24");
        await using Container container = root.Container.WithNet(network).WithCommand("sh", "-c", "ping -c 3 -i 0.01 10.75.0.1 > /dev/null; echo done; sleep 100").Start();
        await container.StandardOutput!.ReadAsync(Stop);

        LinkCounters counters = container.Network.Interfaces[0].Counters();

        Assert.InRange(counters.ReceivedPackets, 3, 100);
        JsonElement host = Ip("-s", "link", "show", container.Network.Interfaces[0].HostLink.Name);
        Assert.InRange(host.GetProperty("stats64").GetProperty("rx").GetProperty("packets").GetInt64(), 3, 100);
    }

    internal static JsonElement Ip(params string[] arguments)
        => JsonDocument.Parse(Tool.Run("ip", ["-d", "-j", .. arguments])).RootElement[0];

    private static JsonElement Inside(Container container, params string[] arguments)
        => JsonDocument.Parse(Tool.Run("nsenter", [$"--net=/proc/{container.Pid}/ns/net", "ip", "-d", "-j", .. arguments])).RootElement[0];

    internal static string State()
        => Tool.Bash("ip -o link | cut -d ' ' -f 2; ip route show table all | sed 's/ linkdown//'") + Tool.Run("nft", "list", "ruleset") + Tool.Bash("sysctl -a -r 'net.ipv[46].conf.*forwarding' 2>/dev/null");

    // From this process's own namespace, which is the host's.
    private static string Ask(ProtocolType protocol, IPEndPoint where)
    {
        using TestNamespace host = TestNamespace.Host();
        return host.Ask(protocol, where) ?? "no answer";
    }

    private static async Task Eventually(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Yield();
            Stop.ThrowIfCancellationRequested();
        }
    }
}
