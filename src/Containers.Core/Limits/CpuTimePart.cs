using System.Globalization;
using Containers.Launch;
using Containers.Native;

namespace Containers.Limits;

/// <summary>
/// Ends the container when its processes have used up their CPU time. The kernel counts it for the cgroup and tells nobody, so it is
/// looked at when it can be over at the earliest: after what is left, divided by the number of processors.
/// </summary>
internal sealed class CpuTimePart(TimeSpan limit) : LaunchPart
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromMilliseconds(5), s_longest = TimeSpan.FromMilliseconds(100);
    private static readonly Lazy<int> s_processors = new(Processors);

    private readonly Lock _gate = new();
    private PollTimer? _timer;
    private Container? _container;
    private TimeSpan _used, _pause = s_shortest;
    private bool _disposed;

    public override void Prepare(LaunchRequest request) => _timer = new PollTimer();

    public override void Started(Container container)
    {
        _container = container;
        Look();
    }

    public override ContainerExit Explain(ContainerExit exit)
    {
        _timer?.Dispose();
        return exit;
    }

    public override void Dispose()
    {
        lock (_gate)
        {
            _disposed = true; // what is on its way to look at the cgroup comes before it is gone, or not at all
        }

        _timer?.Dispose();
        base.Dispose();
    }

    private void Look()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            TimeSpan used = _container!.CpuUsed is { } now && now > _used ? now : _used; // less when it could not be read just now: the next look will
            TimeSpan left = limit - used;
            if (left > TimeSpan.Zero)
            {
                // One that does nothing, close to its limit, is left alone for longer each time.
                _pause = used > _used ? s_shortest : _pause * 2 < s_longest ? _pause * 2 : s_longest;
                _used = used;
                TimeSpan earliest = left / s_processors.Value;
                _timer!.Set(earliest > _pause ? earliest : _pause, Look);
                return;
            }
        }

        // Not under the lock: who takes the container's status holds another, and comes to Explain.
        _container.Kill(ExitReason.CpuTime);
    }

    // All that are online, and not those this process may use: a container's may be others.
    private static int Processors()
    {
        // "0-3,8": sysfs-devices-system-cpu.
        string online = Host.HostFiles.TryRead("/sys/devices/system/cpu/online") ?? "";
        int count = online.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(range => range.Split('-'))
            .Sum(ends => 1 + int.Parse(ends[^1], CultureInfo.InvariantCulture) - int.Parse(ends[0], CultureInfo.InvariantCulture));
        return Math.Max(count, Environment.ProcessorCount);
    }
}
