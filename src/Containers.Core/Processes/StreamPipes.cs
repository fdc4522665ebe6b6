using Containers.Native;

namespace Containers;

/// <summary>The pipes between a host and a container that is being started, or the terminal that is made inside.</summary>
internal sealed unsafe class StreamPipes : IDisposable
{
    private readonly List<int> _childEnds = new(3);
    private PathHandle? _socket;

    public StreamPipes(ContainerSpec spec)
        : this(spec.StandardInput, spec.StandardOutput, spec.StandardError, spec.Terminal)
    {
    }

    public StreamPipes(StandardStream standardInput, StandardStream standardOutput, StandardStream standardError, TerminalSize? terminal)
    {
        try
        {
            if (terminal is not null)
            {
                if ((standardInput, standardOutput, standardError) != default)
                {
                    throw new ContainerException("A command with a terminal has it as all of its standard streams: where they go cannot be told besides.");
                }

                OpenSocket();
                Child = (-1, -1, -1);
                return;
            }

            int input = Open(standardInput, 0, hostReads: false, out PipeStream? inputStream);
            Input = inputStream;
            int output = Open(standardOutput, 1, hostReads: true, out PipeStream? outputStream);
            Output = outputStream;
            int error = Open(standardError, 2, hostReads: true, out PipeStream? errorStream);
            Error = errorStream;
            Child = (input, output, error);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public PipeStream? Input { get; private set; }

    public PipeStream? Output { get; private set; }

    public PipeStream? Error { get; }

    /// <summary>What becomes 0, 1 and 2: a pipe's end, the host's own, or -1 for /dev/null.</summary>
    public (int Input, int Output, int Error) Child { get; }

    /// <summary>The same, at low numbers.</summary>
    public (int Input, int Output, int Error) Place(LowDescriptors low) => (low.Place(Child.Input), low.Place(Child.Output), low.Place(Child.Error));

    /// <summary>The same, with the host's /dev/null where there is to be one: what a running container has at that path may be anything by now.</summary>
    public (int Input, int Output, int Error) PlaceOrNull(LowDescriptors low)
    {
        (int input, int output, int error) = Place(low);
        return (input < 0 ? LowDescriptors.Null : input, output < 0 ? LowDescriptors.Null : output, error < 0 ? LowDescriptors.Null : error);
    }

    /// <summary>The terminal; null where there is none, or not yet.</summary>
    public TerminalHandle? Terminal { get; private set; }

    /// <summary>The socket by which the child sends the terminal it makes, at a low number; -1 where it makes none.</summary>
    public int PlaceSocket(LowDescriptors low) => _socket is null ? -1 : low.Place(_childEnds[0]);

    /// <summary>The child executes: where it was to make a terminal, it has.</summary>
    public void TakeTerminal()
    {
        if (_socket is not null)
        {
            Terminal = TerminalHandle.Receive(_socket);
            Input = new PipeStream(Terminal.Duplicate(), reads: false) { IsTerminal = true };
            Output = new PipeStream(Terminal.Duplicate(), reads: true) { IsTerminal = true };
            _socket.Dispose();
            _socket = null;
        }
    }

    /// <summary>Tells the command that there is no more to read: a terminal takes a character for that (Ctrl-D, at the beginning of a line).</summary>
    public void EndInput()
    {
        if (Terminal is null)
        {
            Input?.Dispose();
            return;
        }

        ReadOnlySpan<byte> end = [4, 4];
        Input!.Write(Input.LastWritten == (byte)'\n' ? end[..1] : end);
    }

    /// <summary>The child has its own copies: while ours are open, no reader sees the end.</summary>
    public void CloseChildEnds()
    {
        foreach (int end in _childEnds)
        {
            Kernel.close(end);
        }

        _childEnds.Clear();
    }

    public void Dispose()
    {
        CloseChildEnds();
        Input?.Dispose();
        Output?.Dispose();
        Error?.Dispose();
        Terminal?.Dispose();
        _socket?.Dispose();
    }

    private void OpenSocket()
    {
        int* ends = stackalloc int[2];
        Kernel.Check(Kernel.Call(SystemCall.socketpair, Kernel.AF_UNIX, Kernel.SOCK_DGRAM | Kernel.SOCK_CLOEXEC, 0, (long)ends), "socketpair");
        _socket = new PathHandle(ends[0]);
        _childEnds.Add(Moved(ends[1]));
    }

    // A host that closed its own streams: the number would be overwritten before it is copied.
    private static int Moved(int child)
    {
        if (child >= 3)
        {
            return child;
        }

        int moved = (int)Kernel.Check(Kernel.fcntl(child, Kernel.F_DUPFD_CLOEXEC, 3), "fcntl");
        Kernel.close(child);
        return moved;
    }

    private int Open(StandardStream kind, int own, bool hostReads, out PipeStream? stream)
    {
        stream = null;
        if (kind != StandardStream.Pipe)
        {
            return kind == StandardStream.Inherit ? own : -1;
        }

        int* ends = stackalloc int[2];
        Kernel.Check(Kernel.pipe2(ends, 0), "pipe2");
        (int host, int child) = hostReads ? (ends[0], ends[1]) : (ends[1], ends[0]);
        Kernel.fcntl(host, Kernel.F_SETFL, Kernel.O_NONBLOCK); // of this end only: each has a description of its own
        stream = new PipeStream(host, hostReads);
        child = Moved(child);
        _childEnds.Add(child);
        return child;
    }
}
