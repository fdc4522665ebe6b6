using System.IO.Pipelines;
using Containers.Launch;
using Containers.Native;

namespace Containers;

/// <summary>
/// A further process of a running container: <see cref="Container.ExecAsync(string[])"/>. Dispose it: that kills it if it still runs. It ends with
/// the container, and with the host process, too.
/// </summary>
public sealed class ContainerExec : CommandStreams, IDisposable, IAsyncDisposable
{
    private readonly ContainerProcess _process;
    private readonly Action<ContainerExec> _gone;
    private readonly JoinerEnd _joiner;
    private int _disposed;

    internal ContainerExec(int pid, PidHandle handle, JoinerEnd joiner, StreamPipes pipes, Action<ContainerExec> gone)
        : base(pipes)
    {
        Pid = pid;
        _process = new ContainerProcess(handle, pid, static exit => exit);
        _gone = gone;
        _joiner = joiner;
        // Its status is taken as soon as it ends, whoever is interested: the container's first process cannot end before (pid_namespaces(7); it is
        // our child, and not that one's).
        _ = _process.WaitAsync(CancellationToken.None);
    }

    /// <summary>Its process id, as the host sees it. It may belong to another process once it has ended.</summary>
    public int Pid { get; }

    /// <summary>How it ended; null while it runs.</summary>
    public ContainerExit? Exit => _process.Exit;

    /// <summary>Waits for its end, on this thread.</summary>
    public ContainerExit Wait() => _process.Wait();

    /// <inheritdoc/>
    public override Task<ContainerExit> WaitAsync(CancellationToken cancellationToken = default) => _process.WaitAsync(cancellationToken);

    /// <summary>Kills it. What it has started lives on in the container.</summary>
    /// <returns>False when it has ended.</returns>
    public bool Kill() => _process.Kill(ExitReason.Killed);

    /// <summary>Sends it a signal.</summary>
    /// <param name="signal">Its number.</param>
    /// <returns>False when it has ended.</returns>
    public bool Kill(int signal) => _process.Signal(signal);

    /// <summary>Sends it a signal.</summary>
    /// <param name="signal">Its name, such as SIGTERM.</param>
    /// <returns>False when it has ended.</returns>
    public bool Kill(string signal) => _process.Signal(Signals.Parse(signal));

    /// <summary>Kills it if it still runs, and waits for its end.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Kill();
            _process.Wait();
            Release();
        }
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Kill();
            await _process.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            Release();
        }
    }

    private void Release()
    {
        DisposeStreams();
        _process.Dispose();
        _joiner.Wait();
        _gone(this);
    }
}
