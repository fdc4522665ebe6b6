using System.Globalization;
using Containers.Native;

namespace Containers.Resources;

/// <summary>Learns from the kernel when a process of a cgroup is killed for want of memory: memory.events in v2, an eventfd in v1. Nobody polls.</summary>
internal sealed unsafe class OomWatch : IDisposable
{
    private const int EFD_NONBLOCK = Kernel.O_NONBLOCK, EFD_CLOEXEC = Kernel.O_CLOEXEC;
    private static readonly TimeSpan s_killing = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly ContainerCgroup _cgroup;
    private readonly Action<long> _killed;
    private readonly CgroupEvents? _events;
    private readonly PathHandle? _signal;
    private long _known, _key;
    private bool _disposed;

    /// <param name="killed">Given how many there have been; from a thread of the pool, and at once when there have been some.</param>
    public OomWatch(ContainerCgroup cgroup, Action<long> killed)
    {
        (CgroupHandle handle, bool unified) = cgroup.With("memory")!.Value;
        _cgroup = cgroup;
        _killed = killed;
        if (unified)
        {
            _events = new CgroupEvents(handle, "memory.events");
        }
        else
        {
            _signal = new PathHandle((int)Kernel.Check(Kernel.Call(SystemCall.eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd2"));
            using PathHandle control = handle.Open("memory.oom_control", Kernel.O_RDONLY);
            handle.Write("cgroup.event_control", string.Create(CultureInfo.InvariantCulture, $"{_signal.Descriptor} {control.Descriptor}"));
        }

        lock (_gate)
        {
            Look();
            Arm();
        }
    }

    /// <summary>Tells what has happened until now, and then no more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _disposed = true;
                Poller.Cancel(_key);
                if (StatisticsReader.OomKills(_cgroup) is { } now && now > _known)
                {
                    _known = now;
                    _killed(now);
                }

                _events?.Dispose();
                _signal?.Dispose();
            }
        }
    }

    private void Arm() => _key = _events is not null ? _events.WhenChanged(Changed) : Poller.When(_signal!, Kernel.EPOLLIN, Changed);

    // On the poller's thread, which others need.
    private void Changed() => ThreadPool.UnsafeQueueUserWorkItem(static watch => watch.Told(), this, preferLocal: false);

    private void Told()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            if (_signal is not null)
            {
                ulong count;
                Kernel.read(_signal.Descriptor, (byte*)&count, sizeof(ulong));
                // v1 tells before it kills. The kill is a matter of microseconds, if one follows: the processes may have got what they need.
                SpinWait.SpinUntil(() => StatisticsReader.OomKills(_cgroup) > _known, s_killing);
            }

            Look();
            Arm();
        }
    }

    private void Look()
    {
        long now = _events is not null ? Keyed.Value(_events.Read() ?? "", "oom_kill") ?? 0 : StatisticsReader.OomKills(_cgroup);
        if (now > _known)
        {
            _known = now;
            ThreadPool.UnsafeQueueUserWorkItem(static state => state.Killed(state.Count), (Killed: _killed, Count: now), preferLocal: false);
        }
    }
}
