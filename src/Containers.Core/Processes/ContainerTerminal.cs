using Containers.Native;

namespace Containers;

/// <summary>The size of a terminal in characters.</summary>
public sealed record TerminalSize
{
    /// <summary>A size.</summary>
    /// <param name="columns">Its width.</param>
    /// <param name="rows">Its height.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not from 1 to 65535.</exception>
    public TerminalSize(int columns, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, ushort.MaxValue);
        (Columns, Rows) = (columns, rows);
    }

    /// <summary>Its width.</summary>
    public int Columns { get; }

    /// <summary>Its height.</summary>
    public int Rows { get; }
}

/// <summary>A command's terminal: <see cref="ContainerBuilder.WithTerminal"/>. It lives as long as its container is not disposed.</summary>
public sealed class ContainerTerminal
{
    private readonly TerminalHandle _terminal;

    internal ContainerTerminal(TerminalHandle terminal) => _terminal = terminal;

    /// <summary>Its size just now; the command may change it, too.</summary>
    /// <exception cref="ObjectDisposedException">The container is disposed.</exception>
    public TerminalSize Size
    {
        get
        {
            (int columns, int rows) = _terminal.Size;
            return new TerminalSize(Math.Max(1, columns), Math.Max(1, rows));
        }
    }

    /// <summary>Gives it another size. The command is told by SIGWINCH.</summary>
    /// <param name="columns">Its width in characters.</param>
    /// <param name="rows">Its height in lines.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not from 1 to 65535.</exception>
    /// <exception cref="ObjectDisposedException">The container is disposed.</exception>
    public void Resize(int columns, int rows)
    {
        TerminalSize size = new(columns, rows);
        _terminal.Size = (size.Columns, size.Rows);
    }
}
