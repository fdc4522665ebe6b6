using System.Runtime.InteropServices;

namespace ContainerCli;

/// <summary>Ctrl-C and SIGTERM end what is on its way, in order: what it made is removed. While a container runs they are the container's.</summary>
internal sealed class Interrupt : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _signals;

    public Interrupt() => _signals = [PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel)];

    public CancellationToken Token => _source.Token;

    /// <summary>Who gets the signals instead; null for nobody.</summary>
    public static Action<string>? Forward { get; set; }

    private void Cancel(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Forward is { } forward)
        {
            forward(context.Signal == PosixSignal.SIGINT ? "SIGINT" : "SIGTERM");
            return;
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
}
