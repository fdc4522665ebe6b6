namespace Containers.Native;

/// <summary>
/// A timer of the kernel that calls back from the poller's thread. Those of .NET count in steps of a millisecond and more and come
/// through the pool of threads, where a callback waits behind whatever keeps it busy.
/// </summary>
internal sealed unsafe class PollTimer : IDisposable
{
    private readonly Lock _gate = new();
    private readonly PathHandle _timer = new((int)Kernel.Check(Kernel.timerfd_create(Kernel.CLOCK_MONOTONIC), "timerfd_create"));
    private long _key;

    /// <summary>Calls back once after a time, and not for what it was set to before.</summary>
    /// <param name="delay">More than zero. Time in which the machine sleeps is not counted.</param>
    /// <param name="due">May run once more while the timer is being set or disposed.</param>
    /// <returns>False when it is disposed.</returns>
    public bool Set(TimeSpan delay, Action due)
    {
        lock (_gate)
        {
            if (_timer.IsClosed)
            {
                return false;
            }

            Poller.Cancel(_key);
            long seconds = (long)delay.TotalSeconds;
            Kernel.itimerspec value = new()
            {
                // Zero would stop it.
                it_value = new() { tv_sec = seconds, tv_nsec = Math.Max((delay - TimeSpan.FromSeconds(seconds)).Ticks * 100, seconds == 0 ? 1 : 0) },
            };
            Kernel.Check(Kernel.timerfd_settime(_timer.Descriptor, &value), "timerfd_settime");
            _key = Poller.When(_timer, Kernel.EPOLLIN, due);
            return true;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            Poller.Cancel(_key);
            _timer.Dispose();
        }
    }
}
