using System.IO.Pipelines;
using System.Runtime.InteropServices;
using Containers.Native;

namespace Containers;

/// <summary>Connects a command's terminal with the one this process runs in.</summary>
internal static class ConsoleConnection
{
    private const int Input = 0;

    /// <summary>Until the command's side of its terminal is closed by all.</summary>
    public static async Task RunAsync(CommandStreams command, CancellationToken cancellation)
    {
        ContainerTerminal terminal = command.Terminal ?? throw new InvalidOperationException("The command has no terminal: WithTerminal() gives it one.");
        using RawConsole? raw = RawConsole.IsTerminal ? RawConsole.Enter() : null;
        Fit(terminal);
        using PosixSignalRegistration? resized = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Fit(terminal));
        using EventHandle over = new();
        Thread reader = new(() => PassInput(command, over)) { IsBackground = true, Name = "containers-console" };
        reader.Start();
        try
        {
            using Stream output = Console.OpenStandardOutput();
            await command.StandardOutput!.CopyToAsync(output, cancellation).ConfigureAwait(false);
        }
        finally
        {
            over.Set();
            reader.Join();
        }
    }

    private static void Fit(ContainerTerminal terminal)
    {
        if (RawConsole.Size is { } size)
        {
            try
            {
                terminal.Resize(size.Columns, size.Rows);
            }
            catch (ObjectDisposedException)
            {
                // It was resized while the container was disposed.
            }
        }
    }

    // A thread, since what is typed may be anything that can be read, also what epoll does not take; and never blocked in read(2), which would
    // take one more key than is the command's.
    private static unsafe void PassInput(CommandStreams command, EventHandle over)
    {
        byte[] buffer = new byte[4096];
        fixed (byte* bytes = buffer)
        {
            Kernel.pollfd* wait = stackalloc Kernel.pollfd[2];
            while (true)
            {
                wait[0] = new Kernel.pollfd { fd = Input, events = Kernel.POLLIN };
                wait[1] = new Kernel.pollfd { fd = over.Descriptor, events = Kernel.POLLIN };
                Kernel.Check(Kernel.ppoll(wait, 2, null), "wait for the console");
                if (wait[1].revents != 0)
                {
                    return;
                }

                long count = Kernel.read(Input, bytes, (nuint)buffer.Length);
                try
                {
                    if (count <= 0)
                    {
                        command.CompleteInput();
                        return;
                    }

                    command.WriteTerminal(buffer.AsSpan(0, (int)count));
                }
                catch (Exception e) when (e is IOException or ObjectDisposedException)
                {
                    return; // the command has ended
                }
            }
        }
    }
}
