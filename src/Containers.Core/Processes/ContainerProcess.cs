using Containers.Native;

namespace Containers;

/// <summary>The command of a container: waiting for its end, ending it, and taking its status once, whoever asks.</summary>
/// <param name="handle">Its pidfd.</param>
/// <param name="pid">Its number, which is its own until the status has been taken.</param>
/// <param name="explain">Tells more about its end, once.</param>
internal sealed class ContainerProcess(PidHandle handle, int pid, Func<ContainerExit, ContainerExit> explain) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource<ContainerExit> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _inheritedPeak = ResourceUsage.InheritedPeak();
    private bool _watched;
    private ulong _sent; // the caller's signals, a bit each
    private ExitReason? _killed; // why this library sent the SIGKILL that came first

    public PidHandle Handle => handle;

    public ContainerExit? Exit => _exit.Task.IsCompletedSuccessfully ? _exit.Task.Result : Reap() ? _exit.Task.Result : null;

    /// <summary>Sends a signal for the caller.</summary>
    /// <returns>False when the process has ended.</returns>
    public bool Signal(int signal)
    {
        if (signal == Kernel.SIGKILL)
        {
            return Kill(ExitReason.Killed);
        }

        // Under the lock the status is not taken, and so the handle not closed.
        lock (_gate)
        {
            if (_exit.Task.IsCompleted || handle.HasEnded() || !handle.Signal(signal))
            {
                return false;
            }

            _sent |= 1UL << (signal & 63);
            return true;
        }
    }

    /// <summary>Kills it, and remembers why; unless it is on its way out for another reason, which is the one that is told then.</summary>
    /// <returns>False when the process has ended.</returns>
    public bool Kill(ExitReason reason)
    {
        lock (_gate)
        {
            if (_exit.Task.IsCompleted || handle.HasEnded())
            {
                return false;
            }

            if (_killed is null && !DyingProcess.Is(pid))
            {
                _killed = reason;
            }

            return handle.Signal(Kernel.SIGKILL);
        }
    }

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
                Poller.When(handle, Kernel.EPOLLIN, Ended);
            }
        }

        return _exit.Task.WaitAsync(cancellation);
    }

    public void Dispose() => handle.Dispose();

    // The pidfd is ready when the process has ended. Where another process of the container traces it, that one is told first, and its
    // status is not to be had until the tracer has taken note or ended (ptrace(2)): a wait in the kernel ends then, as a poll does not.
    private void Ended()
    {
        if (!Reap())
        {
            new Thread(() => Wait(), 128 * 1024) { IsBackground = true, Name = "containers-traced" }.Start();
        }
    }

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
                if (handle.TryReap(out int code, out bool signaled, out Kernel.rusage? usage))
                {
                    ContainerExit exit = signaled ? new ContainerExit(128 + code, code) { Reason = ReasonOf(code) } : new ContainerExit(code, null);
                    _exit.TrySetResult(explain(exit with { Usage = usage is { } used ? ResourceUsage.Of(in used, _inheritedPeak) : null }));
                }
            }
            catch (Exception e) // a status that is lost, or a part of the container that cannot read its own files
            {
                _exit.TrySetException(e);
            }

            return _exit.Task.IsCompleted;
        }
    }

    private ExitReason ReasonOf(int signal)
        => signal == Kernel.SIGKILL ? _killed ?? ExitReason.Signaled
            : (_sent & 1UL << (signal & 63)) != 0 ? ExitReason.Killed
            : ExitReason.Signaled;
}
