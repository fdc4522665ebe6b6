using System.Net;
using System.Net.Sockets;
using Containers.Native.Netlink;
using Xunit;

namespace Containers.Tests.Netlink;

public sealed class ConntrackTests : IClassFixture<HostState>
{
    [Theory]
    [InlineData("10.77.0.1", "10.77.0.2", "24")]
    [InlineData("fd00:77::1", "fd00:77::2", "64")]
    public void Connections_of_an_address_are_forgotten_and_others_are_not(string left, string right, string prefix)
    {
        Requires.OwnNetwork();
        Requires.Tools("ip", "nft");
        using TestNamespace host = new(), other = new();
        host.Link("left", other, "right");
        host.Bash($"ip addr add {left}/{prefix} dev left nodad; nft 'add table inet t; add chain inet t c {{ type filter hook output priority 0; }}; add rule inet t c ct state new counter accept'");
        other.Bash($"ip addr add {right}/{prefix} dev right nodad");
        using TestNamespace.Responder responder = other.Listen(ProtocolType.Udp, new IPEndPoint(IPAddress.Parse(right), 5000));
        using TestNamespace.Responder self = host.Listen(ProtocolType.Udp, new IPEndPoint(IPAddress.Parse(left), 5000));
        Assert.Equal(left, host.Ask(ProtocolType.Udp, new IPEndPoint(IPAddress.Parse(right), 5000)));
        Assert.Equal(left, host.Ask(ProtocolType.Udp, new IPEndPoint(IPAddress.Parse(left), 5000)));

        Assert.Equal(1, Conntrack.Delete([IPAddress.Parse(right)], host.Handle));
        Assert.Equal(0, Conntrack.Delete([IPAddress.Parse(right)], host.Handle));
        Assert.Equal(1, Conntrack.Delete([IPAddress.Parse(left)], host.Handle));
    }

    [Fact]
    public void Where_nothing_is_followed_nothing_is_deleted()
    {
        Requires.OwnNetwork();
        using TestNamespace network = new();
        Assert.Equal(0, Conntrack.Delete([IPAddress.Parse("10.77.0.2")], network.Handle));
    }
}
