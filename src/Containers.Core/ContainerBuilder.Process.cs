namespace Containers;

// What the command finds as its process.
public sealed partial class ContainerBuilder
{
    /// <summary>
    /// Gives the command a terminal of the container's own (a pseudoterminal of its /dev/pts, which is /dev/console, too) as its standard streams and
    /// controlling terminal. What it writes, errors among it, comes from <see cref="CommandStreams.StandardOutput"/>; what is written to
    /// <see cref="CommandStreams.StandardInput"/> is as if typed: "\x03" is Ctrl-C.
    /// </summary>
    /// <param name="columns">Its width in characters.</param>
    /// <param name="rows">Its height in lines.</param>
    /// <remarks>
    /// <see cref="CommandStreams.Terminal"/> sets its size later, <see cref="CommandStreams.AttachConsoleAsync"/> makes it this process's own terminal. TERM is xterm unless it is set.
    /// <see cref="WithStandardStreams"/> has to leave the streams to it. Linux 4.13 (TIOCGPTPEER), pty(7).
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">A number is not from 1 to 65535.</exception>
    public ContainerBuilder WithTerminal(int columns = 80, int rows = 24) => WithSpec(Spec with { Terminal = new TerminalSize(columns, rows) });

    /// <summary>
    /// Puts a small init before the command: process 1 takes the status of all processes that lose their parent, which a command seldom does, and passes on
    /// the signals it gets, which the kernel would not deliver to a process 1 that does not handle them. The command is process 2.
    /// </summary>
    /// <remarks>
    /// It is an executable of under 7 KB in sealed memory, under the same policy as the command, and ends when the command does, with its status: <see cref="Container.Exit"/> tells the
    /// signal that ended the command, too. A profile of system calls has to allow it clone, wait4, rt_sigtimedwait, kill and the like, or the start fails and names what is missing.
    /// </remarks>
    public ContainerBuilder WithInit() => WithSpec(Spec with { Init = true });
}
