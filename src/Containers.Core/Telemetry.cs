using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Containers;

/// <summary>What this library tells to whoever listens: activities and metrics, both named Containers.</summary>
internal static class Telemetry
{
    public const string Name = "Containers";

    public static readonly ActivitySource Activities = new(Name);

    private static readonly Meter s_meter = new(Name);

    public static readonly Counter<long> Starts = s_meter.CreateCounter<long>("containers.starts", "{start}", "Starts of containers, by outcome.");
    public static readonly Histogram<double> StartDuration = s_meter.CreateHistogram<double>("containers.start.duration", "s", "From the call of Start until the command executes.");
    public static readonly Counter<long> PulledBytes = s_meter.CreateCounter<long>("containers.pull.bytes", "By", "Bytes of blobs that came from registries.");
    public static readonly Counter<long> ResumedBytes = s_meter.CreateCounter<long>("containers.pull.resumed", "By", "Bytes of blobs that an earlier pull had left.");
    public static readonly Counter<long> Pulls = s_meter.CreateCounter<long>("containers.pulls", "{pull}", "Pulls that ended, by registry and outcome.");
    public static readonly Histogram<double> PullDuration = s_meter.CreateHistogram<double>("containers.pull.duration", "s", "How long pulls take.");
    public static readonly Counter<long> PushedBytes = s_meter.CreateCounter<long>("containers.push.bytes", "By", "Bytes of blobs that were sent to registries.");
}
