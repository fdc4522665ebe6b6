using System.Buffers;
using System.Security.Cryptography;
using Containers.Layers.Recipes;

namespace Containers.Layers;

/// <summary>
/// The uncompressed archive, read ahead. A thread of its own decompresses and hashes into a ring of buffers while the
/// caller makes files from the ones before: with two cores neither waits for the other much, and memory stays bounded.
/// </summary>
internal sealed class ArchiveInput : IDisposable
{
    public const int BlockLength = 512; // of a tar
    private const int BufferLength = 256 * 1024; // fits a second-level cache: hashed, then written, while it is warm
    private const int BufferCount = 8;

    private readonly byte[][] _buffers = new byte[BufferCount][];
    private readonly int[] _lengths = new int[BufferCount];
    private readonly object _lock = new(); // of the two counts; a Monitor and no semaphore, which would spin while the other thread needs the core
    private int _filled;
    private int _free = BufferCount;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly ArchiveSource _source;
    private readonly UnpackLimits _limits;
    private readonly Thread _thread;
    private Stream? _tar;
    private volatile bool _stop;
    private Exception? _failure; // written before the last buffer is handed over
    private int _current = -1;
    private int _at;
    private int _end;
    private bool _last;

    public ArchiveInput(Stream archive, UnpackLimits? limits = null)
    {
        _limits = limits ?? UnpackLimits.Default;
        _source = new ArchiveSource(archive);
        for (int i = 0; i < BufferCount; i++)
        {
            _buffers[i] = ArrayPool<byte>.Shared.Rent(BufferLength);
        }

        _thread = new Thread(Fill, maxStackSize: 1024 * 1024) { IsBackground = true, Name = "layer input" };
        _thread.Start();
    }

    /// <summary>Is told of all bytes that are taken, but for those that are a file's content; null where nobody wants to know.</summary>
    public RecipeWriter? Recipe { get; init; }

    /// <summary>Bytes of the uncompressed archive taken so far.</summary>
    public long Position { get; private set; }

    /// <summary>Up to so many bytes, valid until the next call. Empty at the end.</summary>
    /// <param name="atMost">How many.</param>
    /// <param name="isContent">Whether they go into a file, and the recipe is told of that file.</param>
    public ReadOnlySpan<byte> Take(long atMost, bool isContent = false)
    {
        if (_at == _end && !Advance())
        {
            return default;
        }

        int count = (int)Math.Min(atMost, _end - _at);
        ReadOnlySpan<byte> bytes = _buffers[_current].AsSpan(_at, count);
        _at += count;
        Position += count;
        if (!isContent)
        {
            Recipe?.AddBytes(bytes);
        }

        return bytes;
    }

    /// <summary>The next 512 bytes; fewer only when the archive ends there. Buffers are whole blocks, so none lies across two.</summary>
    public ReadOnlySpan<byte> TakeBlock()
    {
        ReadOnlySpan<byte> block = Take(BlockLength);
        if (block.Length < BlockLength)
        {
            Rethrow(); // why there is no more is a better answer than that there is no more
        }

        return block;
    }

    /// <summary>Reads to the end and gives the hash and length of all of it: a digest of a layer covers what stands behind the tar's end too.</summary>
    public (string DiffId, long Length) Finish()
    {
        while (!Take(long.MaxValue).IsEmpty)
        {
        }

        return ("sha256:" + Convert.ToHexStringLower(_hash.GetHashAndReset()), Position);
    }

    private bool Advance()
    {
        if (_last)
        {
            return Rethrow();
        }

        lock (_lock)
        {
            if (_current >= 0)
            {
                _free++;
                Monitor.Pulse(_lock);
            }

            while (_filled == 0)
            {
                Monitor.Wait(_lock);
            }

            _filled--;
        }

        _current = (_current + 1) % BufferCount;
        (_at, _end) = (0, _lengths[_current]);
        _last = _end < BufferLength;
        return _end > 0 || Rethrow();
    }

    private bool Rethrow() => _failure is null ? false
        : throw (_failure is ContainerException or OperationCanceledException ? _failure : new LayerException("The layer's archive could not be read: " + _failure.Message, null, _failure));

    private void Fill()
    {
        string? kind = null;
        long total = 0;
        for (int i = 0; ; i = (i + 1) % BufferCount)
        {
            lock (_lock)
            {
                while (_free == 0 && !_stop)
                {
                    Monitor.Wait(_lock);
                }

                if (_stop)
                {
                    return;
                }

                _free--;
            }

            int length = 0;
            try
            {
                _tar ??= Open(out kind);
                while (length < BufferLength)
                {
                    int count = _tar.Read(_buffers[i].AsSpan(length, BufferLength - length));
                    if (count == 0)
                    {
                        break;
                    }

                    length += count;
                    _limits.Check(total + length, _source.Position, kind); // what stands behind the tar's end, too: it is read for the digest
                    if (_stop)
                    {
                        return;
                    }
                }
            }
            catch (Exception exception)
            {
                // Decoders throw whatever comes when their data is damaged; what the caller's stream throws is his.
                _failure = kind is null || _source.Failure is not null || exception is LayerException
                    ? _source.Failure ?? exception
                    : new LayerException($"The {kind} data of the archive is damaged or cut off, at byte {total + length} of the tar inside: {exception.Message}", null, exception);
            }

            total += length;
            _hash.AppendData(_buffers[i], 0, length);
            _lengths[i] = length;
            lock (_lock)
            {
                _filled++;
                Monitor.Pulse(_lock);
            }

            if (length < BufferLength)
            {
                return;
            }
        }
    }

    private Stream Open(out string? kind)
    {
        (Stream tar, kind) = Decompression.Open(_source);
        return tar;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _stop = true;
            Monitor.Pulse(_lock);
        }

        _thread.Join(); // the caller's stream is his again, and the buffers are nobody's
        if (_tar is not null && _tar != _source)
        {
            _tar.Dispose();
        }

        _source.Dispose();
        _hash.Dispose();
        foreach (byte[] buffer in _buffers)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
