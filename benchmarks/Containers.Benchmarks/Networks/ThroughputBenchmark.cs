using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Containers.Benchmarks.Peers;

namespace Containers.Benchmarks.Networks;

/// <summary>TCP from a container to the host, beside the same veth pair and bridge made with ip: throughput [--rounds N].</summary>
internal static class ThroughputBenchmark
{
    private const string Seconds = "3";

    public static int Run(string[] args)
    {
        int rounds = args is ["--rounds", { } number] ? int.Parse(number, NumberStyles.None, CultureInfo.InvariantCulture) : 5;
        using WorkFolder work = new();
        using HostNamespace host = new();
        using Network network = Network.Bridge("ours0", "172.30.0.0/16", new NetworkOptions { Namespace = host.Namespace });
        string archive = work.In("iperf3.tar");
        new ImageBuilder().AddProgram("iperf3").Save(archive, "iperf3:latest");
        ContainerBuilder ours = Container.FromImage("docker-archive:" + archive).WithStore(work.In("store")).WithNet(network);

        using NetworkNamespace peer = NetworkNamespace.Create();
        host.Run("ip", "link", "add", "theirs0", "type", "bridge");
        host.Run("ip", "address", "add", "172.31.0.1/16", "dev", "theirs0");
        host.Run("ip", "link", "add", "theirs1", "master", "theirs0", "type", "veth", "peer", "name", "eth0", "netns", HostNamespace.PathOf(peer));
        host.Run("ip", "link", "set", "theirs0", "up");
        host.Run("ip", "link", "set", "theirs1", "up");
        HostNamespace.Run(peer, "ip", "link", "set", "eth0", "up");
        HostNamespace.Run(peer, "ip", "address", "add", "172.31.0.2/16", "dev", "eth0");

        using Process server = host.Start("iperf3", "--server", "--forceflush");
        while (server.StandardOutput.ReadLine() is { } line && !line.Contains("listening", StringComparison.Ordinal))
        {
        }

        _ = server.StandardOutput.ReadToEndAsync(); // so that it can go on writing
        List<double> oursRates = [], theirRates = [];
        for (int round = 0; round < rounds; round++)
        {
            ContainerResult result = ours.WithCommand("iperf3", "--client", network.Gateway!.ToString(), "--time", Seconds, "--json").RunAsync().GetAwaiter().GetResult();
            oursRates.Add(Rate(result.Output));
            theirRates.Add(Rate(HostNamespace.Run(peer, "iperf3", "--client", "172.31.0.1", "--time", Seconds, "--json")));
        }

        server.Kill();
        server.WaitForExit();
        double our = Statistics.Percentile(oursRates, 50), their = Statistics.Percentile(theirRates, 50);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"containers {our:F1} Gbit/s, veth pair of ip {their:F1} Gbit/s (medians of {rounds} rounds of {Seconds} s)"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"containers / ip {our / their,6:F2}   goal >= 0.90   {(our / their >= 0.9 ? "reached" : "missed")}"));
        return 0;
    }

    private static double Rate(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return document.RootElement.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 1e9;
    }
}
