using BenchmarkDotNet.Attributes;
using Containers.Launch;

namespace Containers.Benchmarks.HotPath;

/// <summary>From a spec to steps: what happens in managed code before the child is made, and what it allocates.</summary>
[MemoryDiagnoser]
public class PlanBenchmarks
{
    private WorkFolder _work = null!;
    private ContainerSpec _spec = null!;
    private ResolvedRoot _root = null!;
    private LaunchRequest _overlay = null!;
    private LaunchRequest _bind = null!;

    [GlobalSetup]
    public void Setup()
    {
        _work = new WorkFolder();
        ContainerBuilder builder = Container.FromRootfs(BusyboxRoot.Build(_work.Path)).WithStore(_work.In("store")).WithCommand("/bin/true")
            .WithStandardStreams(StandardStream.Null, StandardStream.Null, StandardStream.Null);
        _spec = builder.Spec;
        _root = ResolvedRoot.Find(_spec);
        _overlay = BuildRequest();
        _bind = RequestBuilder.Build(builder.WithBindRoot().Spec, _root, "f1002e9c6a57", _work.In("state"), (-1, -1, -1));
    }

    [GlobalCleanup]
    public void Cleanup() => _work.Dispose();

    [Benchmark(Description = "find the root")]
    public object FindRoot() => ResolvedRoot.Find(_spec);

    [Benchmark(Description = "fill in the request")]
    public object Request() => BuildRequest();

    [Benchmark(Baseline = true, Description = "compile, overlay root")]
    public int Compile() => Compile(_overlay);

    [Benchmark(Description = "compile, bound root")]
    public int CompileBind() => Compile(_bind);

    private static int Compile(LaunchRequest request)
    {
        using LaunchPlan plan = LaunchPlan.Compile(request, hostPidFd: 9, KernelFeatures.Current);
        return plan.Program.Count;
    }

    private LaunchRequest BuildRequest() => RequestBuilder.Build(_spec, _root, "f1002e9c6a57", _work.In("state"), (-1, -1, -1));
}
