using Containers.Native;

namespace Containers.Launch;

/// <summary>A callback when a process ends, which does not outlive its user.</summary>
internal sealed class EndWatch : IDisposable
{
    private readonly Lock _gate = new();
    private readonly long _key;
    private Action? _ended;

    public EndWatch(PidHandle process, Action ended)
    {
        _ended = ended;
        _key = Poller.When(process, Kernel.EPOLLIN, Ended);
    }

    public void Dispose()
    {
        Poller.Cancel(_key);
        lock (_gate)
        {
            _ended = null; // what it would touch is about to go
        }
    }

    private void Ended()
    {
        lock (_gate)
        {
            _ended?.Invoke();
        }
    }
}
