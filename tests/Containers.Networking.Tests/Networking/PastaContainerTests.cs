using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Containers.Tests.Networking;

/// <summary>Containers whose packets go through pasta.</summary>
public sealed class PastaContainerTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Fact]
    public async Task Container_has_the_hosts_address_and_its_ports_are_published()
    {
        Requires.OwnNetwork();
        Requires.Tools("pasta");
        Tool.Bash("ip link add up0 type veth peer name up1; ip address add 10.97.0.2/24 dev up0; ip link set up0 up; ip link set up1 up; ip route add default via 10.97.0.1");
        try
        {
            await using Container container = root.Container.WithNet(net => net.Pasta().Publish(0, 7000)).WithCommand("sleep", "100").Start();
            using TestNamespace inside = TestNamespace.Of(container), host = TestNamespace.Host();
            using TestNamespace.Responder listener = inside.Listen(ProtocolType.Tcp, new IPEndPoint(IPAddress.Any, 7000));

            Assert.Contains("10.97.0.2/24", inside.Run("ip", "-4", "address", "show", "eth0"));
            Assert.NotNull(host.Ask(ProtocolType.Tcp, new IPEndPoint(IPAddress.Loopback, container.Ports[0].HostPort)));
            Assert.Equal("nameserver 127.0.0.1", (await root.Sh("head -n 1 /etc/resolv.conf", with => with.WithNet(net => net.Pasta()))).Trim());
        }
        finally
        {
            Tool.Bash("ip link del up0");
        }
    }

    [Fact]
    public void What_pasta_has_not_is_refused()
    {
        Assert.Contains("has the host's addresses", Assert.Throws<NetworkException>(() => root.Container.WithNet(net => net.Pasta().Address("10.0.0.2")).WithCommand("true").Start()).Message);
        Assert.Contains("no other network", Assert.Throws<NetworkException>(() => root.Container.WithNet(net => net.Pasta()).WithNet().WithCommand("true").Start()).Message);
    }
}
