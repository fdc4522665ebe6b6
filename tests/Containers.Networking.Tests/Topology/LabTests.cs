using Xunit;

namespace Containers.Tests.Topology;

/// <summary>The classic lab: several segments that meet in one namespace.</summary>
public sealed class LabTests : Lab
{
    /// <summary>
    /// <code>
    ///   h1 (10)  h2 (20)          h3 (10)  h4 (20)
    ///      \       /                 \       /
    ///     sw1: bridge ==10,20== sw2: bridge
    ///          ||10,20
    ///        router: eth0.10, eth0.20
    /// </code>
    /// </summary>
    [Fact]
    public void Two_VLANs_cross_one_trunk_between_two_bridges_and_meet_in_a_router()
    {
        NetworkNamespace sw1 = Namespace(), sw2 = Namespace(), router = Namespace();
        NetworkNamespace[] hosts = [Namespace(), Namespace(), Namespace(), Namespace()];
        NetworkLink? bridge1 = null;
        SkipUnlessKernelHas("CONFIG_BRIDGE_VLAN_FILTERING", () => bridge1 = sw1.AddBridge("br0", new BridgeOptions { VlanFiltering = true }));
        NetworkLink bridge2 = sw2.AddBridge("br0", new BridgeOptions { VlanFiltering = true });

        NetworkLink[] ends = [.. hosts.Select((host, i) =>
        {
            (NetworkNamespace sw, NetworkLink bridge) = i < 2 ? (sw1, bridge1!) : (sw2, bridge2);
            int vlan = i % 2 == 0 ? 10 : 20;
            VethPair cable = VethPair.Create(host, "eth0", sw, $"host{i + 1}");
            cable.B.AttachTo(bridge);
            cable.B.AddVlan(vlan, untagged: true, pvid: true);
            cable.B.RemoveVlan(1);
            cable.A.AddAddress($"10.0.{vlan}.{i + 1}/24");
            cable.A.AddAddress($"fd00:{vlan}::{i + 1}/64");
            Reach.GiveUpSoon(cable.A);
            return cable.A;
        })];
        VethPair trunk = VethPair.Create(sw1, "trunk", sw2, "trunk"), stick = VethPair.Create(router, "eth0", sw1, "router");
        trunk.A.AttachTo(bridge1!);
        trunk.B.AttachTo(bridge2);
        stick.B.AttachTo(bridge1!);
        foreach (NetworkLink port in new[] { trunk.A, trunk.B, stick.B })
        {
            port.AddVlan(10);
            port.AddVlan(20);
            port.RemoveVlan(1);
        }

        Assert.Equal([new PortVlan(10, false, false), new PortVlan(20, false, false)], trunk.A.Vlans());
        Assert.Equal([new PortVlan(20, true, true)], sw2.Link("host4").Vlans());
        Assert.Contains("20 PVID Egress Untagged", Inside(sw2, "bridge", "vlan", "show", "dev", "host4"), StringComparison.Ordinal);

        // The same VLAN on different bridges: one segment. Another VLAN: not even with an address of the same segment.
        Reach.Assert(hosts[0], hosts[2], "10.0.10.3", hops: 1);
        Reach.Assert(hosts[3], hosts[1], "10.0.20.2", hops: 1);
        Reach.Assert(hosts[2], hosts[0], "fd00:10::1", hops: 1);
        Reach.AssertNot(hosts[0], "10.0.20.2");
        ends[1].AddAddress("10.0.10.99/24");
        Reach.AssertNot(hosts[0], "10.0.10.99");
        ends[1].RemoveAddress("10.0.10.99/24");

        NetworkLink lan10 = router.AddVlan(stick.A, 10), lan20 = router.AddVlan(stick.A, 20);
        lan10.AddAddress("10.0.10.254/24");
        lan20.AddAddress("10.0.20.254/24");
        router.EnableForwarding();
        for (int i = 0; i < 4; i++)
        {
            hosts[i].AddRoute("default", i % 2 == 0 ? "10.0.10.254" : "10.0.20.254");
        }

        Reach.Assert(hosts[0], hosts[3], "10.0.20.4", hops: 2); // the router is one hop, and both sides of it are another bridge
        Reach.Assert(hosts[1], hosts[2], "10.0.10.3", hops: 2);
        Assert.True(lan10.Counters() is { ReceivedPackets: > 0, SentPackets: > 0 });
        Assert.True(lan20.Counters() is { ReceivedPackets: > 0, SentPackets: > 0 });

        // Only by way of the router, and only over the trunk.
        lan20.SetDown();
        Reach.AssertNot(hosts[0], "10.0.20.4");
        Reach.Assert(hosts[3], hosts[1], "10.0.20.2", hops: 1);
        trunk.A.RemoveVlan(20);
        hosts[3].DeleteNeighbour(ends[3], "10.0.20.2");
        Reach.AssertNot(hosts[3], "10.0.20.2");
        Reach.Assert(hosts[0], hosts[2], "10.0.10.3", hops: 1);
    }

    /// <summary>As above where the kernel has no VLANs: a bridge for each segment.</summary>
    [Fact]
    public void Two_segments_meet_in_a_router()
    {
        NetworkNamespace router = Namespace();
        NetworkNamespace[] switches = [Namespace(), Namespace()], hosts = [Namespace(), Namespace(), Namespace(), Namespace()];
        NetworkLink[] bridges = [.. switches.Select(networkNamespace => networkNamespace.AddBridge("br0"))];
        NetworkLink[] uplinks = [.. bridges.Select((bridge, i) =>
        {
            VethPair cable = VethPair.Create(router, $"lan{i + 1}", switches[i], "router");
            cable.B.AttachTo(bridge);
            cable.A.AddAddress($"10.0.{i + 1}.254/24");
            cable.A.AddAddress($"fd00:{i + 1}::fe/64");
            Reach.GiveUpSoon(cable.A);
            return cable.A;
        })];
        for (int i = 0; i < 4; i++)
        {
            int lan = (i / 2) + 1;
            VethPair cable = VethPair.Create(hosts[i], "eth0", switches[lan - 1], $"host{i + 1}");
            cable.B.AttachTo(bridges[lan - 1]);
            cable.A.AddAddress($"10.0.{lan}.{i + 1}/24");
            cable.A.AddAddress($"fd00:{lan}::{i + 1}/64");
            Reach.GiveUpSoon(cable.A);
        }

        Reach.Assert(hosts[0], hosts[1], "10.0.1.2", hops: 1);
        Reach.Assert(hosts[3], hosts[2], "fd00:2::3", hops: 1);
        Reach.AssertNot(hosts[0], "10.0.2.3");

        router.EnableForwarding(ipv6: true);
        for (int i = 0; i < 4; i++)
        {
            hosts[i].AddRoute("default", $"10.0.{(i / 2) + 1}.254");
            hosts[i].AddRoute("default", $"fd00:{(i / 2) + 1}::fe");
        }

        Reach.Assert(hosts[0], hosts[2], "10.0.2.3", hops: 2);
        Reach.Assert(hosts[3], hosts[1], "10.0.1.2", hops: 2);
        Reach.Assert(hosts[1], hosts[3], "fd00:2::4", hops: 2);
        Assert.All(uplinks, uplink => Assert.True(uplink.Counters() is { ReceivedPackets: > 0, SentPackets: > 0 }));

        uplinks[1].SetDown();
        Reach.AssertNot(hosts[0], "10.0.2.3");
        Reach.Assert(hosts[3], hosts[2], "10.0.2.3", hops: 1);
    }
}
