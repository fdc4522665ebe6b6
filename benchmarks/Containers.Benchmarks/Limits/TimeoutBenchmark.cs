using System.Diagnostics;
using System.Globalization;
using Containers.Benchmarks.Peers;

namespace Containers.Benchmarks.Limits;

/// <summary>How long after its time a container is gone: timeout [--count N].</summary>
internal static class TimeoutBenchmark
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMilliseconds(100), s_goal = TimeSpan.FromMilliseconds(20);

    public static int Run(string[] args)
    {
        int count = args is ["--count", { } number] ? int.Parse(number, NumberStyles.None, CultureInfo.InvariantCulture) : 100;
        using WorkFolder work = new();
        ContainerBuilder builder = Container.FromRootfs(BusyboxRoot.Build(work.Path)).WithStore(work.In("store"))
            .WithStandardStreams(StandardStream.Null, StandardStream.Null, StandardStream.Null);
        ContainerBuilder idle = builder.WithCommand("/bin/cat").WithStandardStreams(StandardStream.Pipe, StandardStream.Null, StandardStream.Null);
        ContainerBuilder busy = builder.WithCommand("/bin/sh", "-c", "while :; do :; done");
        bool reached = true;
        foreach ((string name, ContainerBuilder container) in (ReadOnlySpan<(string, ContainerBuilder)>)[("one that waits", idle), ("one that computes", busy)])
        {
            List<double> late = [];
            for (int i = 0; i < count + 20; i++)
            {
                using Container one = container.WithTimeout(s_limit).Start();
                long began = Stopwatch.GetTimestamp(); // a moment behind the exec, from which the time is counted: what is told is too little by that
                ContainerExit exit = one.Wait();
                double took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                if (exit.Reason != ExitReason.WallTime)
                {
                    throw new InvalidOperationException($"{exit} and not at its time.");
                }

                if (i >= 20) // until the compiler's second tier has seen the path
                {
                    late.Add(took - s_limit.TotalMilliseconds);
                }
            }

            double most = late.Max();
            reached &= most <= s_goal.TotalMilliseconds;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-18} ends {Statistics.Percentile(late, 50):F2} ms after its time (median), {Statistics.Percentile(late, 95):F2} ms (95 %), {most:F2} ms at most of {count}"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"goal <= {s_goal.TotalMilliseconds:F0} ms at most   {(reached ? "reached" : "missed")}"));
        return 0;
    }
}
