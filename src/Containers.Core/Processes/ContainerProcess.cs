using Containers.Native;

namespace Containers;

/// <summary>The command of a container: waiting for its end, and taking its status once, whoever asks.</summary>
/// <param name="handle">Its pidfd.</param>
/// <param name="explain">Tells more about its end, once.</param>
internal sealed class ContainerProcess(PidHandle handle, Func<ContainerExit, ContainerExit> explain) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource<ContainerExit> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _watched;

    public PidHandle Handle => handle;

    public ContainerExit? Exit => _exit.Task.IsCompletedSuccessfully ? _exit.Task.Result : Reap() ? _exit.Task.Result : null;

    public bool Signal(int signal) => !_exit.Task.IsCompleted && handle.Signal(signal);

    /// <summary>Waits in the kernel: no other thread has to be woken first.</summary>
    public ContainerExit Wait()
    {
        while (!_exit.Task.IsCompleted)
        {
            handle.WaitForExit();
            Reap();
        }

        return _exit.Task.GetAwaiter().GetResult();
    }

    public Task<ContainerExit> WaitAsync(CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!_watched && !_exit.Task.IsCompleted)
            {
                _watched = true; // only now: a container nobody waits for costs the poller nothing
                Poller.When(handle, Kernel.EPOLLIN, () => Reap());
            }
        }

        return _exit.Task.WaitAsync(cancellation);
    }

    public void Dispose() => handle.Dispose();

    private bool Reap()
    {
        lock (_gate)
        {
            if (_exit.Task.IsCompleted)
            {
                return true;
            }

            try
            {
                if (handle.TryReap(out int code, out bool signaled))
                {
                    _exit.TrySetResult(explain(signaled ? new ContainerExit(128 + code, code) : new ContainerExit(code, null)));
                }
            }
            catch (KernelException e)
            {
                _exit.TrySetException(e);
            }

            return _exit.Task.IsCompleted;
        }
    }
}
