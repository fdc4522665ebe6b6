using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Containers.Tests.Networking;

/// <summary>What is malformed, taken or not ours: one clear error, and nothing is changed.</summary>
public sealed class BadNetworkTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Theory]
    [InlineData("172.30.0.0", "is an address and no subnet")]
    [InlineData("172.30.0.1/16", "The subnet is 172.30.0.0/16")]
    [InlineData("172.30.0.0/33", "no prefix length from 0 to 32")]
    [InlineData("172.30.0/16", "is no IP address")]
    [InlineData("300.1.2.0/24", "is no IP address")]
    [InlineData("172.30.0.0/31", "too small")]
    [InlineData("fd00::/127", "too small")]
    [InlineData("fd00::1/64", "The subnet is fd00::/64")]
    [InlineData("", "is no IP address")]
    public void Subnet_that_is_none(string subnet, string expected) => Refused(expected, () => Network.Bridge("bad0", subnet).Dispose());

    [Theory]
    [InlineData("a-name-of-16-byt", "it has 16 bytes")]
    [InlineData("", "it is empty")]
    [InlineData("a/b", "it has a slash")]
    [InlineData("a b", "white space")]
    [InlineData("..", "it is a directory's")]
    [InlineData("ctr%d", "a percent sign")]
    public void Name_that_no_link_can_have(string name, string expected)
    {
        Refused(expected, () => Network.Bridge(name, "10.80.0.0/24").Dispose());
        Refused(expected, () => root.Container.WithNet(net => net.Bridge(name)));
        Refused(expected, () => root.Container.WithNet(net => net.Interface(name)));
    }

    [Fact]
    public void Values_out_of_range_are_refused_where_they_are_given()
    {
        Refused("ports have the numbers 1 to 65535", () => root.Container.WithNet(net => net.Publish(65536, 80)));
        Refused("ports have the numbers 1 to 65535", () => root.Container.WithNet(net => net.Publish(80, 0)));
        Refused("neither TCP nor UDP", () => root.Container.WithNet(net => net.Publish(80, 80, (TransportProtocol)132)));
        Refused("is no IP address", () => root.Container.WithNet(net => net.Publish("localhost", 80, 80)));
        Refused("There is no VLAN 4095", () => root.Container.WithNet(net => net.Vlan(4095)));
        Refused("An MTU of 67", () => root.Container.WithNet(net => net.Mtu(67)));
        Refused("is no hardware address", () => root.Container.WithNet(net => net.MacAddress("02:00:00:00:00")));
        Refused("is a multicast address", () => root.Container.WithNet(net => net.MacAddress("01:00:00:00:00:00")));
        Refused("is no host name", () => root.Container.WithNet(net => net.Alias("a b")));
        Refused("is no host name", () => root.Container.WithNet(net => net.Alias("")));
        Refused("is no IP address", () => root.Container.WithNet(net => net.Dns("resolver")));
        Refused("has no prefix length", () => root.Container.WithNet(net => net.Gateway("10.0.0.1/8")));
    }

    [Theory]
    [InlineData("10.82.0.3", "outside of the subnet 10.81.0.0/24")]
    [InlineData("10.81.0.0", "the subnet's own or its broadcast address")]
    [InlineData("10.81.0.255", "hosts of 10.81.0.0/24 have 10.81.0.1 to 10.81.0.254")]
    [InlineData("10.81.0.1", "is the bridge's own")]
    [InlineData("10.81.0.9", "is taken by another container")]
    [InlineData("fd00::9", "has no IPv6 subnet")]
    public void Address_that_cannot_be_had(string address, string expected)
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("addr0", "10.81.0.0/24");
        using Container there = root.Container.WithNet(net => net.Network(network).Address("10.81.0.9")).WithCommand("sleep", "100").Start();

        Refused(expected, () => root.Container.WithNet(net => net.Network(network).Address(address)).WithCommand("true").Start());
    }

    [Fact]
    public void All_addresses_are_taken()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("full0", "10.83.0.0/29");
        List<Container> containers = [.. Enumerable.Range(0, 5).Select(_ => root.Container.WithNet(network).WithCommand("sleep", "100").Start())];

        Assert.Equal(["10.83.0.2", "10.83.0.3", "10.83.0.4", "10.83.0.5", "10.83.0.6"], containers.Select(one => one.Network.Address!.ToString()));
        Refused("All addresses of the subnet 10.83.0.0/29 are taken", () => root.Container.WithNet(network).WithCommand("true").Start());
        containers[2].Dispose();
        containers[2] = root.Container.WithNet(network).WithCommand("sleep", "100").Start();
        Assert.Equal("10.83.0.4", containers[2].Network.Address!.ToString());
        containers.ForEach(one => one.Dispose());
    }

    [Fact]
    public void Bridge_of_someone_else_and_a_physical_link()
    {
        Requires.OwnNetwork();
        Tool.Bash("ip link add theirs0 type bridge; ip link add theirs1 type veth peer name theirs2");
        try
        {
            Refused("\"theirs0\" is a link of kind bridge that this library did not make", () => Network.Bridge("theirs0", "10.84.0.0/24").Dispose());
            Refused("\"theirs1\" is a link of kind veth", () => Network.Bridge("theirs1", "10.84.0.0/24").Dispose());
            Refused("\"lo\" is a physical link", () => root.Container.WithNet(net => net.Bridge("lo", "10.84.0.0/24")).WithCommand("true").Start());
        }
        finally
        {
            Tool.Bash("ip link del theirs0; ip link del theirs1");
        }
    }

    [Fact]
    public void Bridge_that_is_there_with_another_subnet()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("same0", "10.85.0.0/24");

        Refused("is there with the subnet 10.85.0.0/24, and not 10.86.0.0/24", () => Network.Bridge("same0", "10.86.0.0/24").Dispose());
        using Network again = Network.Bridge("same0");
        Assert.Equal(IPNetwork.Parse("10.85.0.0/24"), again.Subnet);
    }

    [Fact]
    public void Subnet_that_the_host_has_a_route_to()
    {
        Requires.OwnNetwork();
        Tool.Bash("ip link add routed0 type veth peer name routed1; ip link set routed0 up; ip addr add 10.87.4.1/24 dev routed0");
        try
        {
            Refused("clashes with a route of the host: 10.87.4.0/24 leads to routed0", () => Network.Bridge("clash0", "10.87.0.0/16").Dispose());
        }
        finally
        {
            Tool.Bash("ip link del routed0");
        }
    }

    [Theory]
    [InlineData(TransportProtocol.Tcp)]
    [InlineData(TransportProtocol.Udp)]
    public void Port_that_is_taken(TransportProtocol protocol)
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("taken0", "10.88.0.0/24");
        using Socket listener = protocol == TransportProtocol.Tcp ? new(SocketType.Stream, ProtocolType.Tcp) : new(SocketType.Dgram, ProtocolType.Udp);
        listener.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        if (protocol == TransportProtocol.Tcp)
        {
            listener.Listen();
        }

        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        Refused($"the host's port {port} is taken", () => root.Container.WithNet(net => net.Network(network).Publish(port, 80, protocol)).WithCommand("true").Start());
        using Container holder = root.Container.WithNet(net => net.Network(network).Publish(18099, 80, protocol)).WithCommand("sleep", "100").Start();
        Refused("the host's port 18099 is taken", () => root.Container.WithNet(net => net.Network(network).Publish(18099, 81, protocol)).WithCommand("true").Start());
        Refused("10.99.9.9 is none of the host's addresses", () => root.Container.WithNet(net => net.Network(network).Publish("10.99.9.9", 18098, 80, protocol)).WithCommand("true").Start());
    }

    [Fact]
    public void Network_that_is_in_use_cannot_be_removed_and_one_that_was_disposed_cannot_be_used()
    {
        Requires.OwnNetwork();
        Network network = Network.Bridge("used0", "10.89.0.0/24", new NetworkOptions { Keep = true });
        using (Container container = root.Container.WithNet(network).WithCommand("sleep", "100").Start())
        {
            Refused("\"used0\" is in use", network.Remove);
        }

        network.Remove();
        Refused("\"used0\" was disposed", () => root.Container.WithNet(network).WithCommand("true").Start());
    }

    [Fact]
    public void Names_that_are_too_long_for_a_link()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("long0", "10.90.0.0/24");

        Refused("a link's alias has 255", () => root.Container.WithNet(net => net.Network(network).Alias([.. Enumerable.Range(0, 30).Select(i => $"a-long-alias-{i}")])).WithCommand("true").Start());
    }

    [Fact]
    public void Process_without_CAP_NET_ADMIN()
    {
        Requires.OwnNetwork();
        Requires.Tools("setpriv");
        string before = ContainerNetworkTests.State();

        (int exitCode, _, string error) = Tool.Try("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", "dotnet", Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll"), "net", root.Path, root["store-without"], "without0", "10.105.0.0/24", "nobody");

        Assert.NotEqual(0, exitCode);
        Assert.Contains("NetworkException", error);
        Assert.Contains("CAP_NET_ADMIN", error);
        Assert.Equal(before, ContainerNetworkTests.State());
    }

    [Fact]
    public void Command_that_is_not_there_leaves_no_link()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("fails0", "10.91.0.0/24");
        string links = Tool.Run("ip", "-br", "link", "show", "type", "veth"), rules = Tool.Run("nft", "list", "ruleset");

        Assert.Throws<CommandNotFoundException>(() => root.Container.WithNet(net => net.Network(network).Publish(0, 80)).WithCommand("no-such-command").Start());

        Assert.Equal((links, rules), (Tool.Run("ip", "-br", "link", "show", "type", "veth"), Tool.Run("nft", "list", "ruleset")));
    }

    private static void Refused(string expected, Action action)
    {
        string before = Requires.Find("ip") is null ? "" : Tool.Run("ip", "-o", "link");
        NetworkException error = Assert.Throws<NetworkException>(action);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Requires.Find("ip") is null ? "" : Tool.Run("ip", "-o", "link"));
    }
}
