using System.Diagnostics;
using System.Globalization;
using Containers.Benchmarks.Peers;

namespace Containers.Benchmarks.Networks;

/// <summary>What a container with a network costs to start when there are many on the bridge already: scale [--count N].</summary>
internal static class ScaleBenchmark
{
    private const int Window = 20;

    public static int Run(string[] args)
    {
        int count = args is ["--count", { } number] ? int.Parse(number, NumberStyles.None, CultureInfo.InvariantCulture) : 250;
        using WorkFolder work = new();
        using HostNamespace host = new();
        string root = BusyboxRoot.Build(work.Path);
        using Network network = Network.Bridge("scale0", "172.30.0.0/16", new NetworkOptions { Namespace = host.Namespace });
        ContainerBuilder builder = Container.FromRootfs(root).WithStore(work.In("store")).WithCommand("/bin/cat")
            .WithStandardStreams(StandardStream.Pipe, StandardStream.Null, StandardStream.Null)
            .WithNet(net => net.Network(network).Publish(0, 80));
        for (int i = 0; i < 30; i++)
        {
            builder.Start().Dispose(); // until the compiler's second tier has seen the path
        }

        List<double> starts = [];
        List<Container> containers = [];
        for (int i = 0; i < count; i++)
        {
            long began = Stopwatch.GetTimestamp();
            containers.Add(builder.Start());
            starts.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        double first = Statistics.Percentile(starts[..Window], 50), last = Statistics.Percentile(starts[^Window..], 50);
        Stopwatch disposal = Stopwatch.StartNew();
        containers.ForEach(one => one.Dispose());
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"start of the first {Window}: {first:F2} ms median; of the last {Window} of {count}: {last:F2} ms; disposing all: {disposal.Elapsed.TotalSeconds:F1} s"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"last / first {last / first,6:F2}   goal <= 1.50   {(last / first <= 1.5 ? "reached" : "missed")}"));
        return 0;
    }
}
