using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using Containers.Native;
using Containers.Native.Netlink;
using Xunit;

namespace Containers.Tests.Netlink.Route;

public sealed class AddressAndRouteTests : RouteTest
{
    [Fact]
    public void Addresses_are_as_ip_tells_them()
    {
        (LinkInfo a, _) = Pair();

        Socket.Transact(messages =>
        {
            messages.AddAddress(a.Index, IPAddress.Parse("10.1.2.3"), 24);
            messages.AddAddress(a.Index, IPAddress.Parse("10.9.0.0"), 31);
            messages.AddAddress(a.Index, IPAddress.Parse("fd00::5"), 64);
        });

        JsonElement[] theirs = [.. Json.Ip("address", "show", "dev", "a0")[0].GetProperty("addr_info").EnumerateArray().Where(address => address.Text("scope") == "global")];
        Assert.Equal(["10.1.2.3/24 10.1.2.255", "10.9.0.0/31 ", "fd00::5/64 "], theirs.Select(address => $"{address.Text("local")}/{address.Text("prefixlen")} {address.Text("broadcast")}"));
        Assert.DoesNotContain(theirs, address => address.Text("tentative") == "true");
        List<AddressInfo> ours = [.. Socket.GetAddresses(a.Index).Where(address => address.Scope == Rtnetlink.RT_SCOPE_UNIVERSE)];
        Assert.Equal(["10.1.2.3/24", "10.9.0.0/31", "fd00::5/64"], ours.Select(address => $"{address.Address}/{address.PrefixLength}"));
        Assert.All(ours, address => Assert.Equal(0u, address.Flags & Rtnetlink.IFA_F_TENTATIVE));
        Assert.Contains(Socket.GetAddresses(), address => address.Link != a.Index);

        Socket.Transact(messages => messages.DeleteAddress(a.Index, IPAddress.Parse("10.1.2.3"), 24));
        Assert.DoesNotContain(Socket.GetAddresses(a.Index), address => address.Address.Equals(IPAddress.Parse("10.1.2.3")));
        Assert.Equal(Errno.EEXIST, Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.AddAddress(a.Index, IPAddress.Parse("fd00::5"), 64))).Errno);
        Assert.Equal(Errno.ENODEV, Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.AddAddress(99999, IPAddress.Parse("10.0.0.1"), 8))).Errno);
        Assert.Throws<ContainerException>(() => Socket.Transact(messages => messages.AddAddress(a.Index, IPAddress.Parse("10.0.0.1"), 33)));
    }

    [Fact]
    public void Routes_are_as_ip_tells_them()
    {
        (LinkInfo a, _) = Pair();
        Socket.Transact(messages =>
        {
            messages.AddAddress(a.Index, IPAddress.Parse("10.1.0.2"), 24);
            messages.AddAddress(a.Index, IPAddress.Parse("fd00::2"), 64);
        });

        Socket.Transact(messages =>
        {
            messages.AddRoute(new RouteInfo { Gateway = IPAddress.Parse("10.1.0.1"), Link = a.Index });
            messages.AddRoute(new RouteInfo { Destination = IPNetwork.Parse("10.2.0.0/16"), Gateway = IPAddress.Parse("10.1.0.1"), Metric = 50, Source = IPAddress.Parse("10.1.0.2") });
            messages.AddRoute(new RouteInfo { Destination = IPNetwork.Parse("10.3.0.0/16"), Link = a.Index });
            messages.AddRoute(new RouteInfo { Destination = IPNetwork.Parse("10.4.0.0/16"), Type = RouteType.Blackhole });
            messages.AddRoute(new RouteInfo { Destination = IPNetwork.Parse("10.5.0.0/16"), Type = RouteType.Unreachable, Table = 5000 });
            messages.AddRoute(new RouteInfo { Destination = IPNetwork.Parse("10.6.0.0/16"), Gateway = IPAddress.Parse("192.0.2.1"), Link = a.Index, OnLink = true });
            messages.AddRoute(new RouteInfo { Gateway = IPAddress.Parse("fd00::1") });
            messages.AddRoute(new RouteInfo { Destination = IPNetwork.Parse("fd01::/64"), Link = a.Index, Metric = 7 });
        });

        string[] theirs = [.. Json.Ip("route", "show").Select(Line)];
        Assert.Contains("unicast default via 10.1.0.1 dev a0 metric  scope global src ", theirs);
        Assert.Contains("unicast 10.2.0.0/16 via 10.1.0.1 dev a0 metric 50 scope global src 10.1.0.2", theirs);
        Assert.Contains("unicast 10.3.0.0/16 via  dev a0 metric  scope link src ", theirs);
        Assert.Contains("blackhole 10.4.0.0/16 via  dev  metric  scope global src ", theirs);
        Assert.Contains("unicast 10.6.0.0/16 via 192.0.2.1 dev a0 metric  scope global src ", theirs);
        Assert.Equal("unreachable", Assert.Single(Json.Ip("route", "show", "table", "5000")).Text("type"));
        string[] theirs6 = [.. Json.Ip("-6", "route", "show").Select(Line)];
        Assert.Contains("unicast default via fd00::1 dev a0 metric 1024 scope global src ", theirs6);
        Assert.Contains("unicast fd01::/64 via  dev a0 metric 7 scope global src ", theirs6);

        Assert.Equal(theirs.Order(), Socket.GetRoutes().Select(Ours).Order());
        Assert.Equal(theirs6.Order(), Socket.GetRoutes(AddressFamily.InterNetworkV6).Select(Ours).Order());
        Assert.Equal(5000u, Assert.Single(Socket.GetRoutes(table: 5000)).Table);

        NetlinkException error = Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.AddRoute(new RouteInfo { Destination = IPNetwork.Parse("10.7.0.0/16"), Gateway = IPAddress.Parse("203.0.113.1") })));
        Assert.Equal(Errno.ENETUNREACH, error.Errno);
        Socket.Transact(messages =>
        {
            messages.DeleteRoute(new RouteInfo { Gateway = IPAddress.Parse("10.1.0.1") });
            messages.DeleteRoute(new RouteInfo { Destination = IPNetwork.Parse("10.4.0.0/16"), Type = RouteType.Blackhole });
            messages.DeleteRoute(new RouteInfo { Destination = IPNetwork.Parse("10.5.0.0/16"), Type = RouteType.Unreachable, Table = 5000 });
            messages.DeleteRoute(new RouteInfo { Destination = IPNetwork.Parse("fd01::/64") });
        });
        Assert.DoesNotContain(Json.Ip("route", "show"), route => route.Text("dst") is "default" or "10.4.0.0/16");
        Assert.Equal(Errno.ESRCH, Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.DeleteRoute(new RouteInfo { Gateway = IPAddress.Parse("10.1.0.1") }))).Errno);

        string Ours(RouteInfo route) => string.Join(' ', route.Type.ToString().ToLowerInvariant(), route.Destination is { } to ? to.PrefixLength is 32 ? $"{to.BaseAddress}" : $"{to}" : "default",
            "via", route.Gateway, "dev", route.Link == 0 || route.Type == RouteType.Blackhole ? "" : Socket.TryGetLink(route.Link)!.Name, "metric", route.Metric == 0 ? "" : $"{route.Metric}", "scope", route.Scope switch { 0 => "global", 253 => "link", 254 => "host", _ => $"{route.Scope}" }, "src", route.Source);

        static string Line(JsonElement route)
            => string.Join(' ', route.Text("type"), route.Text("dst"), "via", route.Text("gateway"), "dev", route.Text("dev"), "metric", route.Text("metric"), "scope", route.Text("scope"), "src", route.Text("prefsrc"));
    }

    [Fact]
    public void Neighbours_are_as_ip_tells_them()
    {
        (LinkInfo a, _) = Pair();
        PhysicalAddress mac = PhysicalAddress.Parse("02-00-00-00-00-07");
        foreach (string address in new[] { "10.1.0.9", "fd00::9" })
        {
            IPAddress ip = IPAddress.Parse(address);
            Socket.Transact(messages => messages.AddNeighbour(a.Index, ip, mac));

            JsonElement theirs = Assert.Single(Json.Ip("neighbour", "show", "dev", "a0"), entry => entry.Text("dst") == address);
            Assert.Equal(("02:00:00:00:00:07", "[\"PERMANENT\"]"), (theirs.Text("lladdr"), theirs.Text("state")));
            NeighbourInfo ours = Assert.Single(Socket.GetNeighbours(ip.AddressFamily, a.Index), entry => entry.Address.Equals(ip));
            Assert.Equal((mac, Rtnetlink.NUD_PERMANENT), (ours.MacAddress, ours.State));

            Socket.Transact(messages => messages.DeleteNeighbour(a.Index, ip));
            Assert.DoesNotContain(Socket.GetNeighbours(ip.AddressFamily, a.Index), entry => entry.Address.Equals(ip));
            Assert.Equal(Errno.ENOENT, Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.DeleteNeighbour(a.Index, ip))).Errno);
        }
    }

    [Fact]
    public void Rules_are_as_ip_tells_them()
    {
        RuleInfo rule = new() { From = IPNetwork.Parse("10.1.0.0/16"), InputLink = "lo", Mark = 0x17, MarkMask = 0xff, Table = 700, Priority = 1234 };
        Socket.Transact(messages => messages.AddRule(rule));
        try
        {
            JsonElement theirs = Assert.Single(Json.Ip("rule", "show"), entry => entry.Text("priority") == "1234");
            Assert.Equal(("10.1.0.0", "16", "lo", "0x17", "0xff", "700"), (theirs.Text("src"), theirs.Text("srclen"), theirs.Text("iif"), theirs.Text("fwmark"), theirs.Text("fwmask"), theirs.Text("table")));
            Assert.Contains(rule, Socket.GetRules());
            Assert.Equal(Errno.EEXIST, Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.AddRule(rule))).Errno);
        }
        finally
        {
            Socket.Transact(messages => messages.DeleteRule(rule));
        }

        Assert.DoesNotContain(rule, Socket.GetRules());
        Assert.Equal(Errno.ENOENT, Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.DeleteRule(rule))).Errno);
    }
}
