using System.Runtime.InteropServices;
using Containers;

namespace ContainerCli;

/// <summary>Ctrl-C and SIGTERM end what is on its way, in order: what it made is removed. While a container runs they are the container's.</summary>
internal sealed class Interrupt : IDisposable
{
    private static readonly Lock s_gate = new();
    private static Action<string>? s_target;
    private static string? s_early;

    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _signals;

    public Interrupt() => _signals = [PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel)];

    public CancellationToken Token => _source.Token;

    /// <summary>Gives the signals to a container that runs, also one that came while it was being started; until what is returned is disposed.</summary>
    public static IDisposable GiveTo(Container container)
    {
        lock (s_gate)
        {
            s_target = signal => container.Kill(signal);
            if (s_early is { } signal)
            {
                container.Kill(signal);
            }
        }

        return new Given();
    }

    private void Cancel(PosixSignalContext context)
    {
        context.Cancel = true;
        string signal = context.Signal == PosixSignal.SIGINT ? "SIGINT" : "SIGTERM";
        lock (s_gate)
        {
            if (s_target is not null)
            {
                s_target(signal);
                return;
            }

            s_early = signal;
        }

        _source.Cancel();
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in _signals)
        {
            signal.Dispose();
        }

        _source.Dispose();
    }

    private sealed class Given : IDisposable
    {
        public void Dispose()
        {
            lock (s_gate)
            {
                s_target = null;
            }
        }
    }
}
