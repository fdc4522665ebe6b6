using System.Net;
using System.Net.NetworkInformation;
using System.Text.Json;
using Containers.Tests.Netlink.Route;
using Xunit;

namespace Containers.Tests.Topology;

public sealed class NetworkLinkTests : Lab
{
    private static readonly PhysicalAddress s_mac = PhysicalAddress.Parse("02-00-00-00-00-0A");

    [Fact]
    public void Pair_joins_two_namespaces()
    {
        NetworkNamespace a = Namespace(), b = Namespace();
        using VethPair pair = VethPair.Create(a, "left", b, "right", new VethOptions { Mtu = 1400, MacAddressA = s_mac });
        pair.A.AddAddress("10.1.0.1/24");
        pair.A.AddAddress("fd01::1/64");
        pair.B.AddAddress("10.1.0.2/24");
        pair.B.AddAddress("fd01::2/64");

        Reach.Assert(a, b, "10.1.0.2", hops: 1);
        Reach.Assert(b, a, "fd01::1", hops: 1);
        Assert.Equal(("left", 1400, s_mac, true, "veth"), (pair.A.Name, pair.A.Mtu, pair.A.MacAddress, pair.A.HasCarrier, pair.A.Kind));
        Assert.Equal(1400, pair.B.Mtu);
        Assert.Contains("10.1.0.1/24", pair.A.Addresses());
        Assert.Contains("fd01::1/64", pair.A.Addresses());

        pair.Dispose();
        Assert.Null(b.TryLink("right"));
        Assert.Equal(Errno.ENODEV, Assert.Throws<NetlinkException>(() => pair.A.IsUp).Errno);
    }

    [Fact]
    public void Pair_that_cannot_be_made_leaves_nothing()
    {
        NetworkNamespace a = Namespace(), b = Namespace();
        b.AddBridge("taken");
        Assert.Equal(Errno.EEXIST, Assert.Throws<NetlinkException>(() => VethPair.Create(a, "x", b, "taken")).Errno);
        Assert.Throws<ContainerException>(() => VethPair.Create(a, "x", b, "name-of-16-bytes"));
        Assert.Throws<ContainerException>(() => VethPair.Create(a, "x", b, "y", new VethOptions { Mtu = 0 }));
        Assert.Equal("lo", Assert.Single(a.Links()).Name);
    }

    [Fact]
    public void Pair_may_be_disposed_after_an_end_was_deleted_or_its_namespace_let_go()
    {
        NetworkNamespace a = Namespace(), b = NetworkNamespace.Create();
        VethPair gone = VethPair.Create(a, "x", b, "y"), alone = VethPair.Create(a, "z", b, "w");
        gone.B.Delete();
        gone.Dispose();
        b.Dispose();
        alone.Dispose();
        Assert.Equal("lo", Assert.Single(a.Links()).Name);
    }

    [Fact]
    public void Bridge_joins_its_ports()
    {
        NetworkNamespace lan = Namespace(), a = Namespace(), b = Namespace();
        NetworkLink bridge = lan.AddBridge("br0", new BridgeOptions { MacAddress = s_mac });
        using VethPair one = VethPair.Create(a, "eth0", lan, "p1"), two = VethPair.Create(b, "eth0", lan, "p2");
        one.B.AttachTo(bridge);
        two.B.AttachTo(bridge);
        one.A.AddAddress("10.1.0.1/24");
        two.A.AddAddress("10.1.0.2/24");
        bridge.AddAddress("10.1.0.254/24");
        Reach.GiveUpSoon(one.A);

        Assert.Equal(s_mac, bridge.MacAddress);
        Reach.Assert(a, b, "10.1.0.2", hops: 1);
        Reach.Assert(a, lan, "10.1.0.254", hops: 1);

        two.B.Detach();
        a.DeleteNeighbour(one.A, "10.1.0.2");
        Reach.AssertNot(a, "10.1.0.2");
        two.B.AttachTo(bridge);
        Reach.Assert(a, b, "10.1.0.2", hops: 1);

        Assert.Throws<ContainerException>(() => one.A.AttachTo(bridge)); // another namespace's
    }

    [Fact]
    public void Port_forwards_as_soon_as_it_is_attached()
    {
        Assert.SkipUnless(Environment.OSVersion.Version >= new Version(6, 8), "before Linux 6.8 that may take a second");
        NetworkNamespace lan = Namespace(), a = Namespace();
        NetworkLink bridge = lan.AddBridge("br0");
        a.AddBridge("x"); // so that both ends have the same number, and the kernel is in no hurry
        using VethPair first = VethPair.Create(a, "eth0", lan, "p1"), second = VethPair.Create(a, "eth1", lan, "p2");
        Assert.Equal(first.A.Index, first.B.Index);

        foreach (NetworkLink port in new[] { first.B, second.B })
        {
            port.AttachTo(bridge);
            Assert.Contains("state forwarding", Inside(lan, "bridge", "link", "show", "dev", port.Name), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Link_that_is_down_lets_nothing_through_until_it_is_up()
    {
        NetworkNamespace a = Namespace(), b = Namespace();
        using VethPair pair = VethPair.Create(a, "eth0", b, "eth0", new VethOptions { Up = false });
        Assert.False(pair.A.IsUp || pair.B.IsUp);
        pair.A.SetUp();
        pair.B.SetUp();
        pair.A.AddAddress("10.1.0.1/24");
        pair.B.AddAddress("10.1.0.2/24");
        Reach.Assert(a, b, "10.1.0.2");

        pair.A.SetDown();
        Assert.False(pair.A.IsUp);
        Assert.False(pair.B.HasCarrier);
        Reach.AssertNot(a, "10.1.0.2");
        pair.A.SetUp();
        Reach.Assert(a, b, "10.1.0.2");
    }

    [Fact]
    public void Link_is_moved_and_renamed_and_the_object_follows()
    {
        NetworkNamespace a = Namespace(), b = Namespace(), c = Namespace();
        c.AddBridge("eth0"); // so that the number, too, is another there
        using VethPair pair = VethPair.Create(a, "eth0", b, "eth0");
        pair.A.AddAddress("10.1.0.1/24");

        Assert.Equal(Errno.EEXIST, Assert.Throws<NetlinkException>(() => pair.A.MoveTo(c)).Errno);
        pair.A.MoveTo(c, "moved");

        Assert.Equal(("moved", c, false), (pair.A.Name, pair.A.Namespace, pair.A.IsUp));
        Assert.Empty(pair.A.Addresses());
        Assert.Null(a.TryLink("eth0"));
        Assert.Equal(c.Link("moved").Index, pair.A.Index);
        pair.A.SetUp();
        pair.A.AddAddress("10.1.0.1/24");
        pair.B.AddAddress("10.1.0.2/24");
        Reach.Assert(c, b, "10.1.0.2");

        pair.B.SetDown();
        pair.B.Rename("other");
        Assert.Equal("other", Assert.Single(b.Links(), link => link.Index == pair.B.Index).Name);
        Assert.Equal(Errno.EINVAL, Assert.Throws<NetlinkException>(() => b.Link("lo").MoveTo(c, "lo2")).Errno);
    }

    [Fact]
    public void Mtu_and_mac_address_are_as_ip_tells_them()
    {
        NetworkNamespace a = Namespace();
        NetworkLink link = a.AddBridge("br0", new BridgeOptions { Up = false });
        link.SetMtu(1280);
        link.SetMacAddress(s_mac);

        string theirs = Inside(a, "ip", "link", "show", "br0");
        Assert.Contains("mtu 1280", theirs, StringComparison.Ordinal);
        Assert.Contains("link/ether 02:00:00:00:00:0a", theirs, StringComparison.Ordinal);
        Assert.Equal((1280, s_mac), (link.Mtu, link.MacAddress));
        Assert.Equal(Errno.EINVAL, Assert.Throws<NetlinkException>(() => link.SetMtu(1_000_000)).Errno);
        Assert.Throws<ContainerException>(() => link.SetMtu(0));
        Assert.Equal(Errno.EADDRNOTAVAIL, Assert.Throws<NetlinkException>(() => link.SetMacAddress(PhysicalAddress.Parse("01-00-00-00-00-01"))).Errno);
    }

    [Fact]
    public void Counters_are_those_of_ip()
    {
        NetworkNamespace a = Namespace(), b = Namespace();
        using VethPair pair = VethPair.Create(a, "eth0", b, "eth0");
        pair.A.AddAddress("10.1.0.1/24");
        pair.B.AddAddress("10.1.0.2/24");
        Reach.Assert(a, b, "10.1.0.2", length: 1000);
        pair.B.SetDown(); // so that nothing is sent between the one look and the other
        pair.A.SetDown();

        LinkCounters ours = pair.A.Counters();

        JsonElement theirs = JsonDocument.Parse(Inside(a, "ip", "-j", "-s", "link", "show", "eth0")).RootElement[0].GetProperty("stats64");
        Assert.Equal(
            [theirs.Text("rx", "bytes"), theirs.Text("rx", "packets"), theirs.Text("rx", "errors"), theirs.Text("rx", "dropped"), theirs.Text("tx", "bytes"), theirs.Text("tx", "packets"), theirs.Text("tx", "errors"), theirs.Text("tx", "dropped")],
            new[] { ours.ReceivedBytes, ours.ReceivedPackets, ours.ReceiveErrors, ours.ReceiveDropped, ours.SentBytes, ours.SentPackets, ours.SendErrors, ours.SendDropped }.Select(value => (string?)$"{value}"));
        Assert.True(ours.SentBytes > 1000 && ours.SentPackets > 1 && ours.ReceivedPackets > 1, ours.ToString());
    }

    [Fact]
    public void Macvlan_is_made_in_another_namespace_than_its_parent()
    {
        NetworkNamespace a = Namespace(), b = Namespace(), inner = Namespace();
        using VethPair pair = VethPair.Create(a, "eth0", b, "eth0");
        pair.B.AddAddress("10.1.0.2/24");
        NetworkLink? made = null;
        SkipUnlessKernelHas("macvlan", () => made = inner.AddMacvlan(pair.A, "mv0"));
        made!.AddAddress("10.1.0.7/24");

        Assert.Equal(("macvlan", inner), (made.Kind, made.Namespace));
        Assert.Contains("macvlan mode bridge", Inside(inner, "ip", "-d", "link", "show", "mv0"), StringComparison.Ordinal);
        Reach.Assert(inner, b, "10.1.0.2", hops: 1);
        made.Delete();
        Assert.Null(inner.TryLink("mv0"));
    }

    [Fact]
    public void Vxlan_carries_frames_over_a_routed_network()
    {
        NetworkNamespace a = Namespace(), router = Namespace(), b = Namespace();
        using VethPair left = VethPair.Create(a, "eth0", router, "left"), right = VethPair.Create(b, "eth0", router, "right");
        router.EnableForwarding();
        left.A.AddAddress("10.1.0.2/24");
        left.B.AddAddress("10.1.0.1/24");
        right.A.AddAddress("10.2.0.2/24");
        right.B.AddAddress("10.2.0.1/24");
        a.AddRoute("default", "10.1.0.1");
        b.AddRoute("default", "10.2.0.1");
        NetworkLink? one = null;
        SkipUnlessKernelHas("vxlan", () => one = a.AddVxlan("vx0", 42, new VxlanOptions { Remote = IPAddress.Parse("10.2.0.2"), Over = left.A }));
        NetworkLink two = b.AddVxlan("vx0", 42, new VxlanOptions { Remote = IPAddress.Parse("10.1.0.2"), Over = right.A });
        one!.AddAddress("192.168.9.1/24");
        two.AddAddress("192.168.9.2/24");

        Reach.Assert(a, b, "192.168.9.2", hops: 1); // one segment, though a router is between
        Assert.Contains("vxlan id 42 remote 10.2.0.2", Inside(a, "ip", "-d", "link", "show", "vx0"), StringComparison.Ordinal);
    }

    [Fact]
    public void Vlan_link_has_the_tagged_frames_of_its_parent()
    {
        NetworkNamespace a = Namespace(), b = Namespace();
        using VethPair pair = VethPair.Create(a, "eth0", b, "eth0");
        NetworkLink? one = null;
        SkipUnlessKernelHas("8021q", () => one = a.AddVlan(pair.A, 7));
        NetworkLink two = b.AddVlan(pair.B, 7, "lan"), other = b.AddVlan(pair.B, 8);
        one!.AddAddress("10.7.0.1/24");
        two.AddAddress("10.7.0.2/24");

        Reach.Assert(a, b, "10.7.0.2", hops: 1);
        Assert.Equal(("eth0.7", "eth0.8", "vlan"), (one.Name, other.Name, one.Kind));
        Assert.Equal(0, other.Counters().ReceivedPackets);
        Assert.Contains("vlan protocol 802.1Q id 7", Inside(a, "ip", "-d", "link", "show", "eth0.7"), StringComparison.Ordinal);
    }

    [Fact]
    public void Dummy_link_swallows()
    {
        NetworkNamespace a = Namespace();
        DummyLinks.SkipIfTheyLeaveOne();
        SkipUnlessKernelHas("CONFIG_DUMMY", () => a.AddDummy("d0"));
        Assert.True(a.Link("d0") is { Kind: "dummy", IsUp: true });
    }

    [Theory]
    [InlineData("10.0.0.1")]
    [InlineData("10.0.0.1/33")]
    [InlineData("10.0.0/8")]
    [InlineData("010.0.0.1/8")]
    [InlineData("10.0.0.1/")]
    [InlineData("/24")]
    [InlineData("10.0.0.1/-1")]
    [InlineData("10.0.0.1/+1")]
    [InlineData("10.0.0.1/ 8")]
    [InlineData("fd00::1/129")]
    [InlineData("fe80::1%lo/64")]
    [InlineData("[fd00::1]/64")]
    [InlineData("host/24")]
    [InlineData("")]
    public void Address_that_is_none_is_refused(string address)
    {
        NetworkLink lo = Namespace().Link("lo");
        Assert.Throws<ContainerException>(() => lo.AddAddress(address));
        Assert.Throws<ContainerException>(() => lo.RemoveAddress(address));
        Assert.Equal(["127.0.0.1/8", "::1/128"], lo.Addresses());
    }

    [Fact]
    public void Bad_names_ids_and_links_are_refused()
    {
        NetworkNamespace a = Namespace();
        NetworkLink bridge = a.AddBridge("br0");
        Assert.Throws<ContainerException>(() => a.AddBridge("name-of-16-bytes"));
        Assert.Throws<ContainerException>(() => a.AddVlan(bridge, 0));
        Assert.Throws<ContainerException>(() => a.AddVlan(bridge, 4095));
        Assert.Throws<ContainerException>(() => a.AddVxlan("vx", 1 << 24));
        Assert.Throws<ContainerException>(() => a.AddVxlan("vx", 1, new VxlanOptions { Port = 0 }));
        Assert.Throws<ContainerException>(() => bridge.AddVlan(0));
        Assert.Throws<ContainerException>(() => bridge.RemoveVlan(4095));
        Assert.Throws<ContainerException>(() => bridge.Rename("a b"));
        NetlinkException missing = Assert.Throws<NetlinkException>(() => a.Link("missing"));
        Assert.Equal((Errno.ENODEV, "missing"), (missing.Errno, missing.Operand));
        Assert.Equal(Errno.EEXIST, Assert.Throws<NetlinkException>(() => a.AddBridge("br0")).Errno);
        Assert.Equal(Errno.EADDRNOTAVAIL, Assert.Throws<NetlinkException>(() => bridge.RemoveAddress("10.0.0.1/8")).Errno);
        Assert.Equal(["br0", "lo"], a.Links().Select(link => link.Name).Order());
    }

    [Fact]
    public void Kernel_without_VLAN_filtering_is_named_and_nothing_is_left()
    {
        NetworkNamespace a = Namespace();
        try
        {
            a.AddBridge("br0", new BridgeOptions { VlanFiltering = true });
        }
        catch (NetlinkException exception)
        {
            Assert.Contains("CONFIG_BRIDGE_VLAN_FILTERING", exception.Hint, StringComparison.Ordinal);
            Assert.Equal("lo", Assert.Single(a.Links()).Name);
            return;
        }

        a.Link("br0").AddVlan(10);
        Assert.Contains(new PortVlan(10, Untagged: false, Pvid: false), a.Link("br0").Vlans());
        a.Link("br0").RemoveVlan(10);
        Assert.Equal([new PortVlan(1, Untagged: true, Pvid: true)], a.Link("br0").Vlans());
    }
}
