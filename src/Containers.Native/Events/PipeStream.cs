namespace Containers.Native;

/// <summary>This process's end of a pipe to or from a container, or its side of a terminal: a stream that waits without a thread.</summary>
internal sealed class PipeStream : Stream
{
    private readonly PathHandle _end;
    private readonly bool _reads;
    private readonly Lock _gate = new();
    private TaskCompletionSource? _wait;
    private long _waitKey;

    /// <param name="descriptor">The end; it is made non-blocking, which the other end does not notice.</param>
    /// <param name="reads">Whether it is the end to read from.</param>
    public PipeStream(int descriptor, bool reads)
    {
        _end = new PathHandle(descriptor);
        _reads = reads;
    }

    /// <summary>Counts what is read; once it is used up, the stream is at its end. To be set before the first read.</summary>
    public ReadBudget? Budget { get; set; }

    /// <summary>Whether it is a terminal, which has no end but that nobody has the other side open any more: read(2) says EIO then.</summary>
    public bool IsTerminal { get; init; }

    /// <summary>The last byte written; a line feed before there was one.</summary>
    public byte LastWritten { get; private set; } = (byte)'\n';

    public override bool CanRead => _reads;

    public override bool CanWrite => !_reads;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = TryRead(buffer.Span);
        return count >= 0 ? new ValueTask<int>(count) : ReadLaterAsync(buffer, cancellationToken);
    }

    public override int Read(Span<byte> buffer)
    {
        int count;
        while ((count = TryRead(buffer)) < 0)
        {
            Block(Kernel.POLLIN);
        }

        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            int count = TryWrite(buffer.Span);
            if (count < 0)
            {
                await ReadyAsync(Kernel.EPOLLOUT, cancellationToken).ConfigureAwait(false);
                continue;
            }

            buffer = buffer[count..];
        }
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int count = TryWrite(buffer);
            if (count < 0)
            {
                Block(Kernel.POLLOUT);
                continue;
            }

            buffer = buffer[count..];
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        TaskCompletionSource? wait;
        lock (_gate)
        {
            wait = _wait;
            _wait = null;
            if (wait is not null)
            {
                Poller.Cancel(_waitKey);
            }

            _end.Dispose();
        }

        wait?.TrySetException(new ObjectDisposedException(nameof(PipeStream)));
        base.Dispose(disposing);
    }

    private async ValueTask<int> ReadLaterAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            await ReadyAsync(Kernel.EPOLLIN, cancellationToken).ConfigureAwait(false);
            int count = TryRead(buffer.Span);
            if (count >= 0)
            {
                return count;
            }
        }
    }

    private async Task ReadyAsync(uint events, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource wait = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_end.IsClosed, this);
            _wait = wait;
            _waitKey = Poller.When(_end, events, () => wait.TrySetResult());
        }

        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            _ =>
            {
                Poller.Cancel(_waitKey);
                wait.TrySetCanceled(cancellationToken);
            },
            null);
        await wait.Task.ConfigureAwait(false);
    }

    /// <returns>-1 when nothing is there yet.</returns>
    private unsafe int TryRead(Span<byte> buffer)
    {
        if (Budget is { Exceeded: true })
        {
            return 0;
        }

        using DescriptorHandle.Use end = _end.Borrow();
        fixed (byte* bytes = buffer)
        {
            long result = Kernel.read(end.Descriptor, bytes, (nuint)buffer.Length);
            if (result == -(long)Errno.EAGAIN)
            {
                return -1;
            }

            if (result == -(long)Errno.EIO && IsTerminal)
            {
                return 0;
            }

            int count = (int)Kernel.Check(result, "read from a container");
            return Budget?.Take(count) ?? count;
        }
    }

    /// <returns>-1 when there is no room yet.</returns>
    private unsafe int TryWrite(ReadOnlySpan<byte> buffer)
    {
        using DescriptorHandle.Use end = _end.Borrow();
        fixed (byte* bytes = buffer)
        {
            // .NET ignores SIGPIPE, so a reader that is gone is an error here and no signal.
            long result = Kernel.write(end.Descriptor, bytes, (nuint)buffer.Length);
            if (result < 0)
            {
                return result == -(long)Errno.EAGAIN ? -1
                    : throw new IOException("write to a container: " + ErrnoText.Describe((Errno)(-result)), new KernelException("write to a container", null, (Errno)(-result)));
            }

            if (result > 0)
            {
                LastWritten = buffer[(int)result - 1];
            }

            return (int)result;
        }
    }

    private unsafe void Block(short events)
    {
        using DescriptorHandle.Use end = _end.Borrow();
        Kernel.pollfd poll = new() { fd = end.Descriptor, events = events };
        Kernel.Check(Kernel.ppoll(&poll, 1, null), "wait for a pipe");
    }
}
