using System.Text.Json;
using Containers.Native;
using Containers.Native.Netlink;
using Xunit;

namespace Containers.Tests.Netlink.Route;

public sealed class BridgeVlanTests : RouteTest
{
    [Fact]
    public void Vlans_of_ports_are_as_bridge_tells_them()
    {
        TransactIfKernelHas("CONFIG_BRIDGE_VLAN_FILTERING", messages => messages.AddBridge("br0", new BridgeSettings { VlanFiltering = true, Up = true }));
        int bridge = Link("br0").Index;
        Assert.True(Link("br0").VlanFiltering);
        Socket.Transact(messages => messages.AddVeth("a0", "b0", null, new VethSettings { Master = bridge, Up = true }));
        int port = Link("a0").Index;

        Socket.Transact(messages =>
        {
            messages.AddBridgeVlan(port, 10, pvid: true, untagged: true);
            messages.AddBridgeVlan(port, 20);
            messages.AddBridgeVlan(bridge, 20, self: true);
            messages.DeleteBridgeVlan(port, 1);
        });

        Assert.Equal(["10 PVID Egress Untagged", "20"], Theirs("a0"));
        Assert.Contains("20", Theirs("br0"));
        Assert.Equal([new BridgeVlanInfo(port, 10, true, true), new BridgeVlanInfo(port, 20, false, false)], Socket.GetBridgeVlans(port));
        Assert.Contains(new BridgeVlanInfo(bridge, 20, false, false), Socket.GetBridgeVlans());

        Socket.Transact(messages => messages.DeleteBridgeVlan(bridge, 20, self: true));
        Assert.DoesNotContain("20", Theirs("br0"));
        Socket.Transact(messages => messages.SetVlanFiltering(bridge, false));
        Assert.False(Link("br0").VlanFiltering);

        static string[] Theirs(string link) => [.. Json.Bridge("vlan", "show", "dev", link).SelectMany(port => port.GetProperty("vlans").EnumerateArray())
            .Select(vlan => string.Join(' ', new[] { vlan.Text("vlan") }.Concat(vlan.TryGetProperty("flags", out JsonElement flags) ? flags.EnumerateArray().Select(flag => flag.GetString()) : [])))];
    }

    [Fact]
    public void Link_that_is_no_port_is_refused()
    {
        (LinkInfo a, _) = Pair();
        Assert.Equal(Errno.EOPNOTSUPP, Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.AddBridgeVlan(a.Index, 10))).Errno);
        Assert.Throws<ContainerException>(() => Socket.Transact(messages => messages.AddBridgeVlan(a.Index, 4095)));
    }
}
