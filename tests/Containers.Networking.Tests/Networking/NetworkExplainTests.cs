using System.Text.RegularExpressions;
using Xunit;

namespace Containers.Tests.Networking;

/// <summary>The network's part of a plan, as commands.</summary>
public sealed partial class NetworkExplainTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Fact]
    public async Task Commands_of_ip_and_nft_build_the_same_network()
    {
        Requires.OwnNetwork();
        Requires.Tools("ip", "nft", "unshare", "sysctl");
        ContainerBuilder builder = root.Container.WithHostname("same").WithNet(net => net.Bridge("exp0", "10.98.0.0/24").Address("10.98.0.7").MacAddress("02:00:00:00:98:07").Publish(8098, 80))
            .WithCommand("sh", "-c", "ip -o addr show | sed 's/^[0-9]*: //; s/@if[0-9]*//; s/link-netnsid.*//'; ip route; cat /sys/class/net/eth0/address; ping -c1 -W5 10.98.0.1 | grep -c 'bytes from'");
        string script = builder.Explain(ExplainStyle.Shell);
        File.WriteAllText(root["explained.sh"], script + "nft list table inet containers-1; sysctl net.ipv4.conf.exp0.forwarding\n");
        string state = StateDirectory().Match(script).Groups[1].Value;
        try
        {
            string explained = Tool.Run("unshare", "--net", "--mount", "bash", root["explained.sh"]);
            string ran = (await builder.RunAsync(cancellationToken: TestContext.Current.CancellationToken)).Output;

            Assert.Equal(ran, explained[..Math.Min(ran.Length, explained.Length)]);
            Assert.Contains("10.98.0.7/24", ran);
            Assert.EndsWith("1\n", ran, StringComparison.Ordinal);
            Assert.Contains("tcp . 8098 : 10.98.0.7 . 80", explained);
            Assert.Contains("net.ipv4.conf.exp0.forwarding = 1", explained);
        }
        finally
        {
            Tool.Run("rm", "-rf", state);
        }
    }

    [Fact]
    public void Explaining_makes_nothing()
    {
        Requires.OwnNetwork();
        Network.ReleaseUnused();
        string before = ContainerNetworkTests.State();

        Assert.Contains("ip link add never0 type bridge", root.Container.WithNet(net => net.Bridge("never0", "10.99.0.0/24")).WithCommand("true").Explain());
        Assert.Contains("setns(", root.Container.WithNet(net => net.Bridge("never0", "10.99.0.0/24")).WithCommand("true").Explain(ExplainStyle.SystemCalls));

        Assert.Equal(before, ContainerNetworkTests.State());
    }

    [GeneratedRegex(@"(/var/tmp/containers-[0-9a-f]+)")]
    private static partial Regex StateDirectory();
}
