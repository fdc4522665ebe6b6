using System.Net;
using System.Net.Sockets;
using Containers.Networking;
using Xunit;
using static Containers.Tests.Nat.NatLab;

namespace Containers.Tests.Nat;

/// <summary>A host that is no router, and is none for others when it forwards for containers.</summary>
public sealed class ForwardingTests : IClassFixture<HostState>
{
    private const int NoAnswer = 200;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Containers_go_out_and_strangers_do_not_go_through(bool perLink6)
    {
        Requires.OwnNetwork();
        Requires.Tools("nft");
        using NatLab lab = new(forwarding: false);
        using TestNamespace.Responder outside4 = lab.Outside.Listen(ProtocolType.Tcp, At("10.9.0.2:80")), outside6 = lab.Outside.Listen(ProtocolType.Tcp, At("[fd09::2]:80"));
        using TestNamespace.Responder lan4 = lab.Lan.Listen(ProtocolType.Tcp, At("10.8.0.2:80")), lan6 = lab.Lan.Listen(ProtocolType.Tcp, At("[fd08::2]:80"));
        using TestNamespace.Responder web4 = lab.One.Listen(ProtocolType.Tcp, At("172.30.0.2:80")), web6 = lab.One.Listen(ProtocolType.Tcp, At("[fd30::2]:80"));
        string before = Switches(lab);
        Forwarding.Enable(lab.Host.Handle, new NatNetwork("ctr1", IPNetwork.Parse("172.31.0.0/24"), IPNetwork.Parse("fd31::/64"), Isolated: true), perLink6);
        Forwarding.Enable(lab.Host.Handle, First, perLink6);
        Forwarding.Enable(lab.Host.Handle, First, perLink6); // once more is the same

        using (NatTable table = NatTable.Create(lab.Host.Handle, 1))
        {
            table.AddNetwork(First);
            table.Publish([Port("", 8080, "172.30.0.2:80"), Port("", 8080, "[fd30::2]:80")]);

            Assert.Equal("10.9.0.1", lab.One.Ask(ProtocolType.Tcp, At("10.9.0.2:80")));
            Assert.Equal("fd09::1", lab.One.Ask(ProtocolType.Tcp, At("[fd09::2]:80")));
            Assert.Equal("10.8.0.1", lab.One.Ask(ProtocolType.Tcp, At("10.8.0.2:80")));
            Assert.Equal("fd08::1", lab.One.Ask(ProtocolType.Tcp, At("[fd08::2]:80")));
            Assert.Equal("10.9.0.2", lab.Outside.Ask(ProtocolType.Tcp, At("10.9.0.1:8080")));
            Assert.Equal("fd08::2", lab.Lan.Ask(ProtocolType.Tcp, At("[fd08::1]:8080")));
            Assert.Equal("172.30.0.1", lab.Host.Ask(ProtocolType.Tcp, At("127.0.0.1:8080")));
            NoStrangers(lab);
        }

        // As after a kill: the table is gone, the guard is not.
        NoStrangers(lab);
        Assert.Equal("0", lab.Sysctl("ipv4/ip_forward"));
        Assert.Equal(perLink6 ? "0" : "1", lab.Sysctl("ipv6/conf/all/forwarding"));
        Assert.Equal("1", lab.Sysctl("ipv4/conf/up0/forwarding"));
        Assert.Equal("0", lab.Sysctl("ipv4/conf/ctr1/forwarding"));
        Assert.Equal(perLink6 ? "1" : "2", lab.Sysctl("ipv6/conf/up0/accept_ra"));

        Forwarding.Restore(lab.Host.Handle);

        Assert.Equal(before, Switches(lab));
        Assert.Empty(NftJson.Ruleset(lab.Host));
        Forwarding.Restore(lab.Host.Handle); // nothing to do
    }

    [Fact]
    public void Router_is_left_alone()
    {
        Requires.OwnNetwork();
        Requires.Tools("nft");
        using NatLab lab = new();
        using TestNamespace.Responder lan4 = lab.Lan.Listen(ProtocolType.Tcp, At("10.8.0.2:80")), lan6 = lab.Lan.Listen(ProtocolType.Tcp, At("[fd08::2]:80"));
        string before = Switches(lab);

        Forwarding.Enable(lab.Host.Handle, First);

        Assert.Equal(before.Replace("ctr0/route_localnet 0", "ctr0/route_localnet 1", StringComparison.Ordinal), Switches(lab));
        Assert.Equal("10.9.0.2", lab.Outside.Ask(ProtocolType.Tcp, At("10.8.0.2:80")));
        Assert.Equal("fd09::2", lab.Outside.Ask(ProtocolType.Tcp, At("[fd08::2]:80")));
        Forwarding.Restore(lab.Host.Handle);
        Assert.Equal(before, Switches(lab));
    }

    [Fact]
    public void Links_that_are_gone_and_bridges_that_go_are_no_hindrance()
    {
        Requires.OwnNetwork();
        using NatLab lab = new(forwarding: false);
        string before = Switches(lab);
        Forwarding.Enable(lab.Host.Handle, First);
        Forwarding.Enable(lab.Host.Handle, Second);
        Forwarding.Disable(lab.Host.Handle, "ctr1");
        Assert.Equal("0", lab.Sysctl("ipv4/conf/ctr1/forwarding"));
        Assert.DoesNotContain("ctr1", lab.Host.Bash("nft list set inet containers-guard bridges"), StringComparison.Ordinal);
        lab.Host.Bash("ip link delete up1; ip link delete ctr0");

        Forwarding.Restore(lab.Host.Handle);

        Assert.Equal(before.Split('\n').Where(line => !line.Contains("/up1/", StringComparison.Ordinal) && !line.Contains("/ctr0/", StringComparison.Ordinal)), Switches(lab).Split('\n'));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Commands_make_the_same_guard_and_switches(bool forwarding)
    {
        Requires.OwnNetwork();
        Requires.Tools("nft", "sysctl");
        using NatLab ours = new(forwarding), theirs = new(forwarding);
        string commands = string.Join('\n', Forwarding.ToCommands(theirs.Host.Handle, First));

        theirs.Host.Bash(commands);
        Forwarding.Enable(ours.Host.Handle, First);

        Assert.Equal(NftJson.Ruleset(theirs.Host), NftJson.Ruleset(ours.Host));
        Assert.Equal(Switches(theirs), Switches(ours));
    }

    private static void NoStrangers(NatLab lab)
    {
        Assert.Null(lab.Outside.Ask(ProtocolType.Tcp, At("10.8.0.2:80"), milliseconds: NoAnswer));
        Assert.Null(lab.Outside.Ask(ProtocolType.Tcp, At("[fd08::2]:80"), milliseconds: NoAnswer));
        Assert.Null(lab.Lan.Ask(ProtocolType.Tcp, At("[fd09::2]:80"), milliseconds: NoAnswer));
        Assert.Null(lab.Lan.Ask(ProtocolType.Tcp, At("10.9.0.2:80"), milliseconds: NoAnswer));
    }

    private static string Switches(NatLab lab) => lab.Host.Bash("""
        cd /proc/sys/net
        for file in ipv4/ip_forward ipv4/conf/*/forwarding ipv4/conf/*/route_localnet ipv6/conf/*/forwarding ipv6/conf/*/force_forwarding ipv6/conf/*/accept_ra; do
            [ ! -e $file ] || echo $file $(cat $file)
        done
        """);
}
