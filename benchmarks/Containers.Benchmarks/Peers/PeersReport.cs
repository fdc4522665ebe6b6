using System.Globalization;
using System.Text.Json;

namespace Containers.Benchmarks.Peers;

/// <summary>The figures, for people and for programs.</summary>
internal static class PeersReport
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    // What the library is meant to reach: a contender's median is at least this many times that of ours (or ours at most so many times it).
    private static readonly (string Ours, string Peer, double Ratio, bool AtMost)[] s_goals =
    [
        ("containers", "floor-c", 1.15, true),
        ("containers", "crun", 4, false),
        ("containers", "runc", 10, false),
        ("containers-bind", "bwrap", 2.5, false),
        ("containers-secure", "containers-bare", 1.25, true),
        ("containers-rootless", "bwrap-user", 1.5, true),
        ("containers-net", "containers", 3, true),
        ("containers-net", "podman-net", 20, false),
    ];

    public static void Print(IReadOnlyList<Contender> contenders, TextWriter output)
    {
        double? ours = Median(contenders, "containers");
        output.WriteLine();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {"start to exit of /bin/true",-26} | {"median ms",9} | {"p99 ms",9} | {"to ours",7} | {"runs",5} |"));
        output.WriteLine("|----------------------------|----------:|----------:|--------:|------:|");
        foreach (Contender one in contenders.Where(one => one.Milliseconds.Count > 0))
        {
            double median = Statistics.Percentile(one.Milliseconds, 50);
            string ratio = ours is { } base_ ? string.Create(CultureInfo.InvariantCulture, $"{median / base_:F2} x") : "-";
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {one.Name,-26} | {median,9:F3} | {Statistics.Percentile(one.Milliseconds, 99),9:F3} | {ratio,7} | {one.Milliseconds.Count,5} |"));
        }

        output.WriteLine();
        foreach (Contender one in contenders.Where(one => one.Note is not null))
        {
            output.WriteLine($"{one.Name}: {one.Note}");
        }

        PrintGoals(contenders, output);
    }

    /// <summary>{"contenders":[{"name":…,"median_ms":…,"p99_ms":…}]}</summary>
    public static string Json(IReadOnlyList<Contender> contenders) => JsonSerializer.Serialize(new
    {
        contenders = contenders.Where(one => one.Milliseconds.Count > 0).Select(one => new
        {
            name = one.Name,
            median_ms = Math.Round(Statistics.Percentile(one.Milliseconds, 50), 4),
            p99_ms = Math.Round(Statistics.Percentile(one.Milliseconds, 99), 4),
        }),
    }, s_indented);

    private static void PrintGoals(IReadOnlyList<Contender> contenders, TextWriter output)
    {
        foreach ((string name, string peer, double goal, bool atMost) in s_goals)
        {
            if (Median(contenders, name) is { } ours && Median(contenders, peer) is { } theirs)
            {
                double ratio = atMost ? ours / theirs : theirs / ours;
                bool reached = atMost ? ratio <= goal : ratio >= goal;
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{(atMost ? $"{name} / {peer}" : $"{peer} / {name}"),-28} {ratio,6:F2}   goal {(atMost ? "<=" : ">=")} {goal:F2}   {(reached ? "reached" : "missed")}"));
            }
        }

        if (Median(contenders, "containers") is { } small && Median(contenders, "containers-1gb") is { } large)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{"containers-1gb / containers",-28} {large / small,6:F2}   goal <= 1.10   {(large / small <= 1.1 ? "reached" : "missed")}"));
        }
    }

    private static double? Median(IReadOnlyList<Contender> contenders, string name)
        => contenders.FirstOrDefault(one => one.Name == name) is { Milliseconds.Count: > 0 } one ? Statistics.Percentile(one.Milliseconds, 50) : null;
}
