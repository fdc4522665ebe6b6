using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Xunit;

namespace Containers.Tests.Networking;

/// <summary>What is done to the links of a container that runs, and what others see on them.</summary>
public sealed class LiveLinkTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rate_is_set_on_both_ends_and_taken_back()
    {
        Requires.OwnNetwork();
        await using Container container = root.Container.WithNet(net => net.Bridge("rate0", "10.100.0.0/24")).WithCommand("sleep", "100").Start();
        string before = Queues(container);

        using (container.Network.Impair(new LinkConditions { RateBitsPerSecond = 8_000_000 }))
        {
            Assert.Equal("tbf 1000000 tbf 1000000", Queues(container));
        }

        Assert.Equal(before, Queues(container));
    }

    [Fact]
    public async Task Delay_is_felt_where_the_kernel_has_netem_and_a_clear_error_elsewhere()
    {
        Requires.OwnNetwork();
        await using Container container = root.Container.WithNet(net => net.Bridge("delay0", "10.101.0.0/24")).WithCommand("sleep", "100").Start();
        string before = Queues(container);
        try
        {
            using IDisposable slow = container.Network.Impair(new LinkConditions { Delay = TimeSpan.FromMilliseconds(50) });
            string pinged = Tool.Run("busybox", "ping", "-c", "2", "-i", "0.2", container.Network.Address!.ToString());
            Assert.Matches("time=1[0-9][0-9]", pinged); // there and back
        }
        catch (ContainerException e)
        {
            Assert.Contains("sch_netem", e.Message, StringComparison.Ordinal);
            Assert.Equal(before, Queues(container));
        }
    }

    [Fact]
    public async Task Link_that_is_down_carries_nothing_until_it_is_up_again()
    {
        Requires.OwnNetwork();
        await using Container container = root.Container.WithNet(net => net.Bridge("down0", "10.102.0.0/24")).WithCommand("sleep", "100").Start();
        string address = container.Network.Address!.ToString();
        Tool.Run("busybox", "ping", "-c", "1", "-W", "5", address);

        container.Network.Interfaces[0].HostLink.SetDown();
        Assert.NotEqual(0, Tool.Try("busybox", "ping", "-c", "1", "-W", "1", address).ExitCode);
        container.Network.Interfaces[0].HostLink.SetUp();

        Tool.Run("busybox", "ping", "-c", "1", "-W", "5", address);
    }

    [Fact]
    public async Task Ports_of_one_VLAN_see_each_other_and_no_others()
    {
        Requires.OwnNetwork();
        Network network;
        try
        {
            network = Network.Bridge("vlans0", "10.106.0.0/24", new NetworkOptions { VlanFiltering = true });
        }
        catch (ContainerException e)
        {
            Assert.Contains("CONFIG_BRIDGE_VLAN_FILTERING", e.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("vlans0", Tool.Run("ip", "-o", "link"));
            Assert.Skip("this kernel lacks CONFIG_BRIDGE_VLAN_FILTERING, and the error says so");
            return;
        }

        using (network)
        {
            await using Container one = In(10), two = In(10), other = In(20);
            using TestNamespace inside = TestNamespace.Of(one);

            inside.Run("busybox", "ping", "-c", "1", "-W", "5", two.Network.Address!.ToString());
            Assert.NotEqual(0, inside.Try("busybox", "ping", "-c", "1", "-W", "1", other.Network.Address!.ToString()).ExitCode);
            JsonElement vlans = JsonDocument.Parse(Tool.Run("bridge", "-j", "vlan", "show", "dev", one.Network.Interfaces[0].HostLink.Name)).RootElement[0].GetProperty("vlans");
            Assert.Equal([10], vlans.EnumerateArray().Select(vlan => vlan.GetProperty("vlan").GetInt32()));
        }

        Container In(int vlan) => root.Container.WithNet(net => net.Network(network).Vlan(vlan)).WithCommand("sleep", "100").Start();
    }

    [Fact]
    public void Bridge_that_is_kept_is_adopted_by_the_next_user()
    {
        Requires.OwnNetwork();
        Network.Bridge("kept0", "10.103.0.0/24", new NetworkOptions { Keep = true, Isolated = true }).Dispose();
        Assert.Contains("kept0", Tool.Run("ip", "-o", "link"));

        using Network adopted = Network.Bridge("kept0");

        Assert.Equal((IPNetwork.Parse("10.103.0.0/24"), IPAddress.Parse("10.103.0.1"), true), (adopted.Subnet, adopted.Gateway, adopted.Isolated));
        adopted.Remove();
        Assert.DoesNotContain("kept0", Tool.Run("ip", "-o", "link"));
    }

    [Fact]
    public async Task Packets_on_the_bridge_are_the_containers()
    {
        Requires.OwnNetwork();
        Requires.Tools("tshark");
        using Network network = Network.Bridge("wire0", "10.104.0.0/24");
        await using Container container = root.Container.WithNet(net => net.Network(network).Address("10.104.0.9").MacAddress("02:00:00:00:00:09")).WithCommand("ping", "-i", "0.1", "10.104.0.1").WithStandardStreams(StandardStream.Null, StandardStream.Null, StandardStream.Null).Start();
        using Process tshark = Process.Start(new ProcessStartInfo("tshark", ["-i", "wire0", "-f", "icmp", "-c", "4", "-T", "fields", "-E", "separator=,", "-e", "eth.src", "-e", "ip.src", "-e", "ip.dst", "-e", "icmp.type", "-l"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> said = tshark.StandardError.ReadToEndAsync(Stop);
        string bridge = network.Link.MacAddress.GetAddressBytes().Aggregate("", (text, b) => $"{text}{(text.Length > 0 ? ":" : "")}{b:x2}");
        string captured = await tshark.StandardOutput.ReadToEndAsync(Stop);
        await said;

        Assert.Equal([$"{bridge},10.104.0.1,10.104.0.9,0", "02:00:00:00:00:09,10.104.0.9,10.104.0.1,8"], captured.Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct().OrderByDescending(line => line.Contains(bridge, StringComparison.Ordinal)));
    }

    // The kind and rate of the first queue at each end: the one inside, then the one on the bridge.
    private static string Queues(Container container)
    {
        ContainerInterface link = container.Network.Interfaces[0];
        return $"{First(Tool.Run("nsenter", $"--net=/proc/{container.Pid}/ns/net", "tc", "-j", "qdisc", "show", "dev", link.Name))} {First(Tool.Run("tc", "-j", "qdisc", "show", "dev", link.HostLink.Name))}";

        static string First(string json)
        {
            JsonElement queue = JsonDocument.Parse(json).RootElement[0];
            return $"{queue.GetProperty("kind").GetString()}{(queue.GetProperty("options").TryGetProperty("rate", out JsonElement rate) ? $" {rate}" : "")}";
        }
    }
}
