using System.Net.NetworkInformation;
using System.Text.Json;
using Containers.Native;
using Containers.Native.Netlink;
using Xunit;

namespace Containers.Tests.Netlink.Route;

public sealed class LinkMessagesTests : RouteTest
{
    private static readonly PhysicalAddress s_mac = PhysicalAddress.Parse("02-00-00-00-00-01"), s_peerMac = PhysicalAddress.Parse("02-00-00-00-00-02");

    [Fact]
    public void Bridge_has_what_was_asked_for()
    {
        Socket.Transact(messages => messages.AddBridge("br0", new BridgeSettings { MacAddress = s_mac, Mtu = 1400, Up = true, Group = 77 }));

        JsonElement theirs = Assert.Single(Json.Ip("link", "show", "br0"));
        Assert.Equal(("bridge", "02:00:00:00:00:01", "1400", "77"), (theirs.Text("linkinfo", "info_kind"), theirs.Text("address"), theirs.Text("mtu"), theirs.Text("group")));
        Assert.Contains("UP", theirs.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()));
        LinkInfo ours = Link("br0");
        Assert.Equal(("bridge", s_mac, 1400, 77u, true), (ours.Kind, ours.MacAddress, ours.Mtu, ours.Group, ours.IsUp));
        Assert.Equal(ours with { Statistics = default }, Socket.TryGetLink(ours.Index)! with { Statistics = default }); // it may send something meanwhile
    }

    [Fact]
    public void Pair_is_made_at_once_with_the_peer_in_its_namespace()
    {
        using NamespaceHandle there = NamespaceThread.Make();
        using RouteSocket theirs = RouteSocket.Open(there);
        Socket.Transact(messages => messages.AddBridge("br0", new BridgeSettings { Up = true }));
        int bridge = Link("br0").Index;

        Socket.Transact(messages => messages.AddVeth("ours", "eth0", there, new VethSettings
        {
            MacAddress = s_mac, Mtu = 1300, Master = bridge, Up = true, PeerMacAddress = s_peerMac, Group = 5,
        }));
        theirs.Transact(messages => messages.SetLink(0, new LinkChange { Up = true }, "eth0"));

        JsonElement end = Assert.Single(Json.Ip("link", "show", "ours"));
        Assert.Equal(("veth", "02:00:00:00:00:01", "1300", "br0"), (end.Text("linkinfo", "info_kind"), end.Text("address"), end.Text("mtu"), end.Text("master")));
        LinkInfo ourEnd = Link("ours"), peerEnd = theirs.TryGetLink("eth0")!;
        Assert.Equal(("veth", s_peerMac, 1300, 5u), (peerEnd.Kind, peerEnd.MacAddress, peerEnd.Mtu, peerEnd.Group));
        Assert.True(ourEnd is { IsUp: true, HasCarrier: true } && ourEnd.Master == bridge && ourEnd.PeerIndex == peerEnd.Index && ourEnd.PeerNamespaceId is not null, ourEnd.ToString());
        Assert.True(peerEnd is { IsUp: true, HasCarrier: true } && peerEnd.PeerIndex == ourEnd.Index, peerEnd.ToString());
        Assert.Equal(["ours"], Socket.GetLinks(master: bridge).Select(link => link.Name));
    }

    [Fact]
    public void Link_is_changed_and_changed_back()
    {
        Socket.Transact(messages => messages.AddBridge("br0"));
        (LinkInfo a, _) = Pair();
        int bridge = Link("br0").Index;

        Socket.Transact(messages => messages.SetLink(a.Index, new LinkChange { Up = false }, a.Name));
        Socket.Transact(messages => messages.SetLink(a.Index, new LinkChange
        {
            Name = "renamed", Mtu = 1234, MacAddress = s_mac, Master = bridge, Alias = "für wen", Group = 9,
        }, a.Name));

        JsonElement theirs = Assert.Single(Json.Ip("link", "show", "renamed"));
        Assert.Equal(("1234", "02:00:00:00:00:01", "br0", "für wen", "9"), (theirs.Text("mtu"), theirs.Text("address"), theirs.Text("master"), theirs.Text("ifalias"), theirs.Text("group")));
        Assert.Equal((false, 1234, bridge, "für wen"), (Link("renamed").IsUp, Link("renamed").Mtu, Link("renamed").Master, Link("renamed").Alias));
        Assert.Null(Socket.TryGetLink("a0"));

        Socket.Transact(messages => messages.SetLink(0, new LinkChange { Up = true, Master = 0, Alias = "" }, "renamed"));

        Assert.Equal((true, 0, null), (Link("renamed").IsUp, Link("renamed").Master, Link("renamed").Alias));
    }

    [Fact]
    public void Macvlan_and_vxlan_are_as_asked()
    {
        (LinkInfo a, _) = Pair();
        TransactIfKernelHas("macvlan", messages => messages.AddMacvlan("mv0", a.Index, Rtnetlink.MACVLAN_MODE_BRIDGE, new LinkSettings { Up = true }));
        TransactIfKernelHas("vxlan", messages => messages.AddVxlan("vx0", 4711, new VxlanSettings
        {
            Remote = System.Net.IPAddress.Parse("10.9.9.9"), Local = System.Net.IPAddress.Parse("10.9.9.8"), Link = a.Index, Learning = false,
        }));

        JsonElement macvlan = Assert.Single(Json.Ip("link", "show", "mv0")), vxlan = Assert.Single(Json.Ip("link", "show", "vx0"));
        Assert.Equal(("macvlan", "bridge", "a0"), (macvlan.Text("linkinfo", "info_kind"), macvlan.Text("linkinfo", "info_data", "mode"), macvlan.Text("link")));
        Assert.Equal(("vxlan", "4711", "10.9.9.9", "10.9.9.8", "4789", "a0", "false"), (vxlan.Text("linkinfo", "info_kind"), vxlan.Text("linkinfo", "info_data", "id"),
            vxlan.Text("linkinfo", "info_data", "remote"), vxlan.Text("linkinfo", "info_data", "local"), vxlan.Text("linkinfo", "info_data", "port"), vxlan.Text("linkinfo", "info_data", "link"), vxlan.Text("linkinfo", "info_data", "learning")));
        Assert.Equal((a.Index, "macvlan"), (Link("mv0").PeerIndex, Link("mv0").Kind));
    }

    [Fact]
    public void Vlan_link_is_as_asked()
    {
        (LinkInfo a, _) = Pair();
        TransactIfKernelHas("8021q", messages => messages.AddVlan("a0.42", a.Index, 42));

        JsonElement theirs = Assert.Single(Json.Ip("link", "show", "a0.42"));
        Assert.Equal(("vlan", "42", "a0"), (theirs.Text("linkinfo", "info_kind"), theirs.Text("linkinfo", "info_data", "id"), theirs.Text("link")));
        Assert.Equal((42, a.Index), (Link("a0.42").VlanId, Link("a0.42").PeerIndex));
    }

    [Fact]
    public void Dummy_link_is_made()
    {
        DummyLinks.SkipIfTheyLeaveOne();
        TransactIfKernelHas("CONFIG_DUMMY", messages => messages.AddDummy("d0"));
        Assert.Equal("dummy", Link("d0").Kind);
    }

    [Fact]
    public void Port_can_be_hairpin_and_isolated()
    {
        Socket.Transact(messages => messages.AddBridge("br0"));
        (LinkInfo a, _) = Pair();
        Socket.Transact(messages => messages.SetLink(a.Index, new LinkChange { Master = Link("br0").Index }));

        Socket.Transact(messages => messages.SetBridgePort(a.Index, hairpin: true, isolated: true));

        JsonElement port = Assert.Single(Json.Bridge("-d", "link", "show", "dev", "a0"));
        Assert.Equal(("true", "true"), (port.Text("hairpin"), port.Text("isolated")));
    }

    [Fact]
    public void Links_are_listed_by_kind_and_master_even_when_there_are_hundreds()
    {
        Socket.Transact(messages => messages.AddBridge("br0"));
        int bridge = Link("br0").Index;
        NetlinkMessages many = new();
        for (int i = 0; i < 250; i++)
        {
            many.AddVeth($"v{i}", $"p{i}", null, new VethSettings { Master = bridge });
        }

        Socket.Transact(many);

        Assert.Equal(Enumerable.Range(0, 250).Select(i => $"v{i}").Order(), Socket.GetLinks(master: bridge).Select(link => link.Name).Order());
        Assert.Equal(500, Socket.GetLinks(kind: "veth").Count);
        Assert.Empty(Socket.GetLinks(kind: "nonsense"));
        Assert.Equal(Json.Ip("link", "show").Select(link => (link.Text("ifindex"), link.Text("ifname"))), Socket.GetLinks().Select(link => ((string?)$"{link.Index}", (string?)link.Name)));
    }

    [Fact]
    public void Link_that_is_deleted_takes_its_peer_along()
    {
        (LinkInfo a, LinkInfo b) = Pair();
        Socket.Transact(messages => messages.DeleteLink(a.Index));
        Assert.Null(Socket.TryGetLink(b.Index));
        NetlinkException error = Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.DeleteLink(0, "a0")));
        Assert.Equal((Errno.ENODEV, "a0"), (error.Errno, error.Operand));
        Assert.Contains("no such link", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Name_that_is_taken_is_said_to_be()
    {
        Socket.Transact(messages => messages.AddBridge("br0"));
        NetlinkException error = Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.AddBridge("br0")));
        Assert.Equal(Errno.EEXIST, error.Errno);
        Assert.Contains("of that name", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("sixteen-bytes-no")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a b")]
    [InlineData("a:b")]
    [InlineData("veth%d")]
    [InlineData("a\0b")]
    [InlineData("ääääääää")]
    public void Name_that_can_be_none_is_refused_before_anything_is_sent(string name)
    {
        int before = Socket.GetLinks().Count;
        Assert.Throws<ContainerException>(() => Socket.Transact(messages => messages.AddBridge(name)));
        Assert.Throws<ContainerException>(() => Socket.Transact(messages => messages.AddVeth("a0", name, null)));
        Assert.Throws<ContainerException>(() => Socket.Transact(messages => messages.SetLink(1, new LinkChange { Name = name })));
        Assert.Throws<ContainerException>(() => Socket.TryGetLink(name));
        Assert.Equal(before, Socket.GetLinks().Count);
    }

    [Fact]
    public void Name_of_fifteen_bytes_is_taken()
    {
        Socket.Transact(messages => messages.AddBridge("fifteen-bytes-1"));
        Assert.NotNull(Socket.TryGetLink("fifteen-bytes-1"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4095)]
    [InlineData(-1)]
    public void Vlan_id_out_of_range_is_refused(int id)
        => Assert.Throws<ContainerException>(() => Socket.Transact(messages => messages.AddVlan("v", 1, id)));
}
