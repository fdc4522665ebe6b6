using System.Net;
using System.Net.Sockets;
using Containers.Networking;

namespace Containers.Tests.Nat;

/// <summary>
/// A host between two links, with two bridges of two containers and one: all of it network namespaces of a test's own.
/// <code>
/// outside 10.9.0.2 -- 10.9.0.1 host 172.30.0.1 ctr0 -- one .2, two .3
///     lan 10.8.0.2 -- 10.8.0.1      172.31.0.1 ctr1 -- three .2
/// </code>
/// and the same for IPv6: fd09::, fd08::, fd30::, fd31::.
/// </summary>
internal sealed class NatLab : IDisposable
{
    public NatLab(bool forwarding = true, bool bridgeFilter = true)
    {
        Host.Link("up0", Outside, "eth0");
        Host.Link("up1", Lan, "eth0");
        Host.Bash($"""
            ip addr add 10.9.0.1/24 dev up0; ip addr add fd09::1/64 dev up0 nodad
            ip addr add 10.8.0.1/24 dev up1; ip addr add fd08::1/64 dev up1 nodad
            {(forwarding ? "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding" : "")}
            """);
        Outside.Bash("ip addr add 10.9.0.2/24 dev eth0; ip addr add fd09::2/64 dev eth0 nodad; ip route add default via 10.9.0.1; ip route add default via fd09::1");
        Lan.Bash("ip addr add 10.8.0.2/24 dev eth0; ip addr add fd08::2/64 dev eth0 nodad; ip route add default via 10.8.0.1; ip route add default via fd08::1");
        foreach ((string bridge, int net) in ((string, int)[])[("ctr0", 30), ("ctr1", 31)])
        {
            Host.Bash($"ip link add name {bridge} type bridge; ip addr add 172.{net}.0.1/24 dev {bridge}; ip addr add fd{net}::1/64 dev {bridge} nodad; ip link set {bridge} up");
        }

        if (!bridgeFilter)
        {
            Host.Bash("for file in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $file ] || echo 0 > $file; done");
        }

        Connect(One, "ctr0", 30, 2);
        Connect(Two, "ctr0", 30, 3);
        Connect(Three, "ctr1", 31, 2);
    }

    public TestNamespace Host { get; } = new();

    public TestNamespace Outside { get; } = new();

    public TestNamespace Lan { get; } = new();

    public TestNamespace One { get; } = new();

    public TestNamespace Two { get; } = new();

    public TestNamespace Three { get; } = new();

    public static NatNetwork First { get; } = new("ctr0", IPNetwork.Parse("172.30.0.0/24"), IPNetwork.Parse("fd30::/64"));

    public static NatNetwork Second { get; } = new("ctr1", IPNetwork.Parse("172.31.0.0/24"), IPNetwork.Parse("fd31::/64"));

    public static IPEndPoint At(string where) => IPEndPoint.Parse(where);

    public static PortRule Port(string hostAddress, ushort hostPort, string container, ProtocolType protocol = ProtocolType.Tcp)
    {
        IPEndPoint to = At(container);
        return new PortRule(protocol, hostAddress == "" ? null : IPAddress.Parse(hostAddress), hostPort, to.Address, (ushort)to.Port);
    }

    public string Sysctl(string path) => Host.Bash($"cat /proc/sys/net/{path}").Trim();

    public void Dispose()
    {
        foreach (TestNamespace network in (TestNamespace[])[One, Two, Three, Outside, Lan, Host])
        {
            network.Dispose();
        }
    }

    private void Connect(TestNamespace container, string bridge, int net, int number)
    {
        string link = $"v{net}-{number}";
        Host.Link(link, container, "eth0");
        Host.Bash($"ip link set {link} master {bridge}{(Forwarding.NeedsHairpin(Host.Handle) ? $"; bridge link set dev {link} hairpin on" : "")}");
        container.Bash($"ip addr add 172.{net}.0.{number}/24 dev eth0; ip addr add fd{net}::{number}/64 dev eth0 nodad; ip route add default via 172.{net}.0.1; ip route add default via fd{net}::1");
    }
}
