using System.Globalization;
using System.Security;
using System.Text;
using Containers.Launch;
using Containers.Native;

namespace Containers;

/// <summary>One part of a start.</summary>
/// <param name="Name">What was done.</param>
/// <param name="SystemCalls">The system calls it was done with, in their order; empty for work in this process.</param>
/// <param name="Start">When it began, counted from the beginning of the start.</param>
/// <param name="Duration">What it took.</param>
public sealed record LaunchTimelineEntry(string Name, IReadOnlyList<string> SystemCalls, TimeSpan Start, TimeSpan Duration);

/// <summary>What each step of a start cost, as the child measured it: as entries, as text, and as a picture.</summary>
public sealed class LaunchTimeline
{
    private readonly List<LaunchOperation> _operations;
    private readonly (int Call, int Operation, ulong Ended)[] _steps;
    private readonly ulong _began, _networked, _planned, _child, _ended;
    private LaunchTimelineEntry[]? _entries;

    internal LaunchTimeline(LaunchPlan plan, long began, long networked, long planned, long ended)
    {
        _networked = (ulong)networked;
        // Only what will be gone is copied; names are made when someone asks.
        _operations = [.. plan.AllOperations];
        (_began, _planned, _child, _ended) = ((ulong)began, (ulong)planned, plan.Program.Began, (ulong)ended);
        _steps = new (int, int, ulong)[plan.Program.Count + (plan.Inside?.Program.Count ?? 0)];
        Copy(plan, 0, 0);
        if (plan.Inside is not null)
        {
            Copy(plan.Inside, plan.Program.Count, plan.Operations.Count);
        }
    }

    private void Copy(LaunchPlan plan, int at, int firstOperation)
    {
        for (int i = 0; i < plan.Program.Count; i++)
        {
            ref readonly StepProgram.Step step = ref plan.Program[i];
            _steps[at + i] = (step.Call, firstOperation + (int)step.Operation, step.Ended);
        }
    }

    /// <summary>From the call of Start until the command was executing.</summary>
    public TimeSpan Total => Span(_began, _ended);

    /// <summary>The parts, in their order.</summary>
    public IReadOnlyList<LaunchTimelineEntry> Entries => _entries ??= MakeEntries();

    /// <summary>A table: when, how long, what.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        foreach (LaunchTimelineEntry entry in Entries)
        {
            text.Append(CultureInfo.InvariantCulture, $"{entry.Start.TotalMicroseconds,8:F0} µs {entry.Duration.TotalMicroseconds,7:F0} µs  {entry.Name}\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"{Total.TotalMicroseconds,8:F0} µs in all\n").ToString();
    }

    /// <summary>A waterfall: one row a part, each bar where it began and as long as it took.</summary>
    /// <returns>An SVG document.</returns>
    public string ToSvg()
    {
        const int Row = 20, Left = 360, Width = 640, Right = 90;
        double scale = Width / Math.Max(1, Total.TotalMicroseconds);
        int height = ((Entries.Count + 2) * Row) + 10;
        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Left + Width + Right}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"10\" y=\"{Row - 5}\" font-weight=\"bold\">Start of a container: {Total.TotalMicroseconds:F0} µs</text>\n");
        double y = Row;
        foreach (LaunchTimelineEntry entry in Entries)
        {
            double x = Left + (entry.Start.TotalMicroseconds * scale), width = Math.Max(1, entry.Duration.TotalMicroseconds * scale);
            string color = entry.SystemCalls.Count == 0 ? "#8da0b3" : "#2a7ab0";
            svg.Append(CultureInfo.InvariantCulture, $"<g><title>{SecurityElement.Escape(entry.Name + ": " + string.Join(", ", entry.SystemCalls))}</title>");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 8}\" y=\"{y + 14:F0}\" text-anchor=\"end\">{SecurityElement.Escape(Short(entry.Name))}</text>");
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x:F1}\" y=\"{y + 3:F0}\" width=\"{width:F1}\" height=\"{Row - 6}\" fill=\"{color}\"/>");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x + width + 4:F1}\" y=\"{y + 14:F0}\" fill=\"#555555\">{entry.Duration.TotalMicroseconds:F0} µs</text></g>\n");
            y += Row;
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static string Short(string name) => name.Length <= 46 ? name : name[..22] + "…" + name[^23..];

    private static TimeSpan Span(ulong from, ulong to) => TimeSpan.FromTicks(Math.Max(0, (long)(to - from)) / 100);

    private LaunchTimelineEntry[] MakeEntries()
    {
        List<LaunchTimelineEntry> entries = [];
        if (_networked > _began)
        {
            entries.Add(new("attach to networks", [], TimeSpan.Zero, Span(_began, _networked)));
        }

        entries.Add(new("plan", [], Span(_began, _networked), Span(_networked, _planned)));
        entries.Add(new("clone3 into new namespaces", ["clone3"], Span(_began, _planned), Span(_planned, _child)));
        ulong at = _child;
        for (int i = 0; i < _steps.Length;)
        {
            int operation = _steps[i].Operation;
            List<string> calls = [];
            ulong end = at;
            for (; i < _steps.Length && _steps[i].Operation == operation; i++)
            {
                if (_steps[i].Ended != 0)
                {
                    end = _steps[i].Ended;
                    calls.Add(SystemCall.NameOf(_steps[i].Call));
                }
            }

            if (_operations[operation] is Execute)
            {
                calls.Add("execve"); // it did not come back to have its end noted
                end = _ended;
            }

            entries.Add(new(_operations[operation].Name, calls, Span(_began, at), Span(at, end)));
            at = end;
        }

        return [.. entries];
    }
}
