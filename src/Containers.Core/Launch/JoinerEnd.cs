using Containers.Native;

namespace Containers.Launch;

/// <summary>A joiner that has done its work, and is left to end while the process it made is running already.</summary>
internal sealed class JoinerEnd
{
    private readonly Lock _gate = new();
    private readonly PidHandle _joiner;
    private readonly Action _gone;
    private readonly long _key;
    private bool _taken;

    /// <param name="joiner">Who it is.</param>
    /// <param name="gone">Called once, when it is gone.</param>
    public JoinerEnd(PidHandle joiner, Action gone)
    {
        _joiner = joiner;
        _gone = gone;
        _key = Poller.When(joiner, Kernel.EPOLLIN, Take);
    }

    /// <summary>Waits until it is gone. What it exists of is nothing that takes long.</summary>
    public void Wait()
    {
        Poller.Cancel(_key);
        Take();
    }

    private void Take()
    {
        lock (_gate)
        {
            if (!_taken)
            {
                _taken = true;
                ContainerLauncher.End(_joiner);
                _gone();
            }
        }
    }
}
