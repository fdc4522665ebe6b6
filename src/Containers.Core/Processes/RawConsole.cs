using Containers.Native;

namespace Containers;

/// <summary>
/// This process's terminal in raw mode: every key is handed on as it is pressed, and none of them does anything here (cfmakeraw, termios(3)). Dispose it, and the terminal
/// is as it was; it is when the process exits, too.
/// </summary>
public sealed unsafe class RawConsole : IDisposable
{
    private const int Input = 0;

    private readonly Kernel.termios _before;
    private int _disposed;

    private RawConsole(Kernel.termios before)
    {
        _before = before;
        AppDomain.CurrentDomain.ProcessExit += Restore;
    }

    /// <summary>Whether this process's standard input is a terminal.</summary>
    public static bool IsTerminal => TryGet(out _);

    /// <summary>Its size; null when standard input is no terminal, or one that has none.</summary>
    public static TerminalSize? Size
    {
        get
        {
            Kernel.winsize size;
            return Kernel.Call(SystemCall.ioctl, Input, Kernel.TIOCGWINSZ, (long)(&size)) >= 0 && size is { ws_col: > 0, ws_row: > 0 } ? new TerminalSize(size.ws_col, size.ws_row) : null;
        }
    }

    /// <summary>Sets it to raw mode.</summary>
    /// <exception cref="InvalidOperationException">Standard input is no terminal.</exception>
    public static RawConsole Enter()
    {
        if (!TryGet(out Kernel.termios before))
        {
            throw new InvalidOperationException("Standard input is no terminal.");
        }

        Kernel.termios raw = before;
        raw.c_iflag &= ~(Kernel.IGNBRK | Kernel.BRKINT | Kernel.PARMRK | Kernel.ISTRIP | Kernel.INLCR | Kernel.IGNCR | Kernel.ICRNL | Kernel.IXON);
        raw.c_oflag &= ~Kernel.OPOST;
        raw.c_lflag &= ~(Kernel.ECHO | Kernel.ECHONL | Kernel.ICANON | Kernel.ISIG | Kernel.IEXTEN);
        raw.c_cflag = (raw.c_cflag & ~(Kernel.CSIZE | Kernel.PARENB)) | Kernel.CS8;
        raw.c_cc[Kernel.VMIN] = 1;
        raw.c_cc[Kernel.VTIME] = 0;
        RawConsole console = new(before);
        Kernel.Check(Kernel.Call(SystemCall.ioctl, Input, Kernel.TCSETSW, (long)(&raw)), "set the terminal to raw mode");
        return console;
    }

    /// <summary>The terminal is as it was.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            AppDomain.CurrentDomain.ProcessExit -= Restore;
            Kernel.termios before = _before;
            Kernel.Call(SystemCall.ioctl, Input, Kernel.TCSETSW, (long)(&before)); // a terminal that is gone needs no restoring
        }
    }

    private static bool TryGet(out Kernel.termios settings)
    {
        fixed (Kernel.termios* at = &settings)
        {
            return Kernel.Call(SystemCall.ioctl, Input, Kernel.TCGETS, (long)at) >= 0;
        }
    }

    private void Restore(object? sender, EventArgs e) => Dispose();
}
