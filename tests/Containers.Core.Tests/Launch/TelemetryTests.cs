using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Xunit;

namespace Containers.Tests.Launch;

/// <summary>What starts tell to listeners of the name Containers.</summary>
public sealed class TelemetryTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Fact]
    public void Start_is_an_activity_with_its_parts_and_is_counted()
    {
        ConcurrentQueue<Activity> activities = []; // other tests start containers at the same time
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == "Containers",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activities.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        ConcurrentQueue<(string Name, object? Outcome)> counted = [];
        int thread = Environment.CurrentManagedThreadId;
        using MeterListener meters = new() { InstrumentPublished = (instrument, self) => { if (instrument.Meter.Name == "Containers") { self.EnableMeasurementEvents(instrument); } } };
        meters.SetMeasurementEventCallback<long>((instrument, _, tags, _) => Count(instrument, tags));
        meters.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Count(instrument, tags));
        meters.Start();

        using Container container = root.Container.WithCommand("true").Start();
        Assert.Throws<CommandNotFoundException>(() => root.Container.WithCommand("not-there").Start());

        Activity started = Assert.Single(activities, activity => container.Id.Equals(activity.GetTagItem("containers.id")));
        Assert.Equal(("start", container.Pid), (started.OperationName, started.GetTagItem("containers.pid")));
        Assert.Equal(container.Timeline.Entries.Select(entry => entry.Name), started.Events.Select(told => told.Name));
        Assert.Contains(activities, activity => activity.Status == ActivityStatusCode.Error && activity.StatusDescription!.Contains("not-there", StringComparison.Ordinal));
        Assert.Equal([("containers.starts", "started"), ("containers.start.duration", null), ("containers.starts", "failed")], counted);

        void Count(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (Environment.CurrentManagedThreadId == thread)
            {
                counted.Enqueue((instrument.Name, tags.IsEmpty ? null : tags[0].Value));
            }
        }
    }
}
