namespace Containers.Layers;

/// <summary>
/// The caller's stream: its first bytes can be looked at, and a failure of it is remembered, so that it is not taken for
/// damaged data when a decoder passes it on.
/// </summary>
internal sealed class ArchiveSource(Stream stream) : ReadOnlyStream
{
    private readonly byte[] _first = new byte[16];
    private int _from;
    private int _to;
    private long _position;

    /// <summary>What the caller's stream threw.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>The next bytes, up to 16 of them, without taking them; fewer only at the end.</summary>
    public ReadOnlySpan<byte> Peek(int count)
    {
        if (_to - _from < count && _from > 0)
        {
            _first.AsSpan(_from, _to - _from).CopyTo(_first);
            (_from, _to) = (0, _to - _from);
        }

        while (_to - _from < count)
        {
            int got = ReadStream(_first.AsSpan(_to, count - (_to - _from)));
            if (got == 0)
            {
                break;
            }

            _to += got;
        }

        return _first.AsSpan(_from, Math.Min(count, _to - _from));
    }

    /// <summary>Bytes taken so far: the xz decoder finds its padding by it.</summary>
    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        int count = ReadNext(buffer);
        _position += count;
        return count;
    }

    private int ReadNext(Span<byte> buffer)
    {
        if (_from == _to)
        {
            return ReadStream(buffer);
        }

        int count = Math.Min(buffer.Length, _to - _from);
        _first.AsSpan(_from, count).CopyTo(buffer);
        _from += count;
        return count;
    }

    private int ReadStream(Span<byte> buffer)
    {
        try
        {
            return stream.Read(buffer);
        }
        catch (Exception exception)
        {
            Failure = exception;
            throw;
        }
    }
}
