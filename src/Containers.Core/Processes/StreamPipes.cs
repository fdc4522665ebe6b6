using Containers.Native;

namespace Containers;

/// <summary>The pipes between a host and a container that is being started.</summary>
internal sealed unsafe class StreamPipes : IDisposable
{
    private readonly List<int> _childEnds = new(3);

    public StreamPipes(ContainerSpec spec)
        : this(spec.StandardInput, spec.StandardOutput, spec.StandardError)
    {
    }

    public StreamPipes(StandardStream standardInput, StandardStream standardOutput, StandardStream standardError)
    {
        try
        {
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

    public PipeStream? Input { get; }

    public PipeStream? Output { get; }

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
        if (child < 3)
        {
            // A host that closed its own streams: the number would be overwritten before it is copied.
            int moved = (int)Kernel.Check(Kernel.fcntl(child, Kernel.F_DUPFD_CLOEXEC, 3), "fcntl");
            Kernel.close(child);
            child = moved;
        }

        _childEnds.Add(child);
        return child;
    }
}
