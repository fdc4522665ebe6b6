using System.Diagnostics;

namespace Containers.Benchmarks.Peers;

/// <summary>This library, in this process. Measured: Start() to the end of Wait(). Not measured: Dispose().</summary>
internal sealed class OwnContender(string name, ContainerBuilder builder) : Contender(name)
{
    private readonly List<double> _disposals = [];

    public override string? Note => _disposals.Count == 0 ? null : $"dispose, outside the time: {Statistics.Percentile(_disposals, 50):F3} ms median";

    public static ContainerBuilder Builder(string root, string store) => Container.FromRootfs(root).WithStore(store).WithCommand("/bin/true")
        .WithStandardStreams(StandardStream.Null, StandardStream.Null, StandardStream.Null);

    /// <summary>The same container on the default bridge, with an address, a route, NAT and a published port: what containers-net measures.</summary>
    public static ContainerBuilder WithNetwork(ContainerBuilder builder) => builder.WithNet(net => net.Publish(0, 80));

    /// <summary>The same container with nothing that restricts its command but its namespaces: what security costs is measured from here.</summary>
    public static ContainerBuilder Bare(ContainerBuilder builder) => builder.WithoutSeccomp().WithAllCapabilities().WithNewPrivileges();

    /// <summary>The same container with the default filter and capabilities, and limits on memory and processes, each of which a cgroup has to be made for.</summary>
    public static ContainerBuilder Secure(ContainerBuilder builder) => builder.WithMemoryLimit(256 << 20).WithPidsLimit(100);

    public static TimeSpan Run(ContainerBuilder builder, out TimeSpan disposal)
    {
        long began = Stopwatch.GetTimestamp();
        Container container = builder.Start();
        ContainerExit exit = container.Wait();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);

        began = Stopwatch.GetTimestamp();
        container.Dispose();
        disposal = Stopwatch.GetElapsedTime(began);
        return exit.ExitCode == 0 ? elapsed : throw new ContenderException($"/bin/true ended with {exit}");
    }

    public override TimeSpan Run()
    {
        TimeSpan elapsed = Run(builder, out TimeSpan disposal);
        _disposals.Add(disposal.TotalMilliseconds);
        return elapsed;
    }

    public override void Dispose()
    {
    }
}
