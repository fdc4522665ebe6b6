using System.Diagnostics;
using System.Globalization;
using Containers.Benchmarks.Peers;
using Containers.Benchmarks.Peers.Tools;

namespace Containers.Benchmarks.Exec;

/// <summary>
/// /bin/true in a container that runs, from the call until its exit, beside crun and runc, which do the same to a container of theirs with the same root, and posix_spawn, which starts it
/// in no container: exec [--count N] [--bare]. They take turns, so that what disturbs one disturbs all. With --bare, /bin/true is no busybox but a program without a C library that ends
/// at once: what is left is the way there and back.
/// </summary>
internal static class ExecBenchmark
{
    private const double Goal = 1.5, TimesCrun = 5;
    private const int WarmUp = 60;

    public static int Run(string[] args)
    {
        int at = Array.IndexOf(args, "--count");
        int count = at >= 0 ? int.Parse(args[at + 1], NumberStyles.None, CultureInfo.InvariantCulture) : 200;
        using WorkFolder work = new();
        string root = BusyboxRoot.Build(work.Path);
        if (args.Contains("--bare"))
        {
            File.Delete(root + "/bin/true");
            File.Copy(CompiledC.Build(work.In("bare"), "nothing.c", "-static", "-nostdlib", "-fno-asynchronous-unwind-tables"), root + "/bin/true");
        }

        using Container container = Container.FromRootfs(root).WithStore(work.In("store")).WithCommand("/bin/busybox", "sleep", "1000000")
            .WithStandardStreams(StandardStream.Null, StandardStream.Null, StandardStream.Null).Start();
        ExecOptions silent = new() { StandardInput = StandardStream.Null, StandardOutput = StandardStream.Null, StandardError = StandardStream.Null };
        List<(string Name, Func<TimeSpan> Run, List<double> Took)> contenders = [("containers", () => Ours(container, silent), []), ("  async", () => OursAsync(container, silent).GetAwaiter().GetResult(), [])];
        List<Contender> others = [];
        try
        {
            ToolContenders tools = new(work, root);
            foreach ((string runtime, Func<Contender> make) in (ReadOnlySpan<(string, Func<Contender>)>)[("posix_spawn", tools.Bare), ("crun", () => tools.OciExec("crun")), ("runc", () => tools.OciExec("runc"))])
            {
                try
                {
                    Contender other = make();
                    others.Add(other);
                    contenders.Add((runtime, other.Run, []));
                }
                catch (ContenderException missing)
                {
                    Console.WriteLine($"{runtime}: not measured: {missing.Message}");
                }
            }

            for (int i = 0; i < count + WarmUp; i++)
            {
                foreach ((_, Func<TimeSpan> run, List<double> took) in contenders)
                {
                    double milliseconds = run().TotalMilliseconds;
                    if (i >= WarmUp)
                    {
                        took.Add(milliseconds);
                    }
                }
            }
        }
        finally
        {
            others.ForEach(other => other.Dispose());
        }

        double ours = Statistics.Percentile(contenders[0].Took, 50);
        foreach ((string name, _, List<double> took) in contenders)
        {
            double median = Statistics.Percentile(took, 50);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-12} {median,8:F3} ms (median)  {Statistics.Percentile(took, 95),8:F3} ms (95 %)  {median / ours,6:F1} x"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"goal <= {Goal} ms   {(ours <= Goal ? "reached" : "missed")}"));
        if (contenders.FirstOrDefault(one => one.Name == "crun").Took is { } crun)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"goal >= {TimesCrun} times faster than crun   {(Statistics.Percentile(crun, 50) / ours >= TimesCrun ? "reached" : "missed")}"));
        }

        return 0;
    }

    private static TimeSpan Ours(Container container, ExecOptions options)
    {
        long began = Stopwatch.GetTimestamp();
        using ContainerExec exec = container.Exec(["/bin/true"], options);
        return Took(began, exec.Wait());
    }

    private static async Task<TimeSpan> OursAsync(Container container, ExecOptions options)
    {
        long began = Stopwatch.GetTimestamp();
        await using ContainerExec exec = await container.ExecAsync(["/bin/true"], options);
        return Took(began, await exec.WaitAsync());
    }

    private static TimeSpan Took(long began, ContainerExit exit)
    {
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        return exit.IsSuccess ? took : throw new InvalidOperationException($"/bin/true {exit}.");
    }
}
