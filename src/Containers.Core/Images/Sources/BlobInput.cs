using System.Buffers;
using System.Security.Cryptography;
using Containers.Images.Manifests;
using Containers.Layers;

namespace Containers.Images.Sources;

/// <summary>
/// A blob's bytes on their way: counted and hashed while they are read, and believed when <see cref="Complete"/> says so.
/// </summary>
internal sealed class BlobInput : ReadOnlyStream
{
    /// <summary>Decoders take 8 KiB at a time; a hash and a socket rather have more.</summary>
    private const int BufferLength = 128 * 1024;

    private readonly Stream _source;
    private readonly Descriptor _descriptor;
    private readonly string _what;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[]? _buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
    private int _at;
    private int _end;
    private long _total;
    private bool _complete;

    /// <param name="source">The bytes; disposed with this.</param>
    /// <param name="descriptor">What they have to be.</param>
    /// <param name="what">What it is, for messages: "layer 2".</param>
    public BlobInput(Stream source, Descriptor descriptor, string what) => (_source, _descriptor, _what) = (source, descriptor, what);

    /// <summary>Whether the bytes come from far away: then damage may be the way's, and another try makes sense.</summary>
    public bool IsRemote { get; init; }

    /// <summary>Told of bytes as they come.</summary>
    public Action<int>? Progress { get; init; }

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty || (_at == _end && !Fill()))
        {
            return 0;
        }

        int count = Math.Min(buffer.Length, _end - _at);
        _buffer.AsSpan(_at, count).CopyTo(buffer);
        _at += count;
        return count;
    }

    /// <summary>Reads what nobody asked for, and verifies all of it.</summary>
    /// <exception cref="BlobDamagedException">Digest or size is another.</exception>
    public void Complete()
    {
        if (_complete)
        {
            return;
        }

        while (Fill())
        {
        }

        string digest = Digest.Prefix + Convert.ToHexStringLower(_hash.GetHashAndReset());
        if (_total != _descriptor.Size || digest != _descriptor.Digest)
        {
            throw Damaged(_total < _descriptor.Size ? $"ends after {_total} bytes, and has {_descriptor.Size} by the manifest" : $"has the digest {digest}, and not the {_descriptor.Digest} of the manifest");
        }

        _complete = true;
        (_source as IPartialSource)?.Forget(); // now, so that it need not reach the disk with the layer that was made of it
    }

    /// <summary>Reads a small blob and verifies it.</summary>
    public byte[] ReadWhole()
    {
        byte[] content = new byte[checked((int)_descriptor.Size)];
        this.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        Complete();
        return content;
    }

    private bool Fill()
    {
        // One byte more than there should be tells of all others: an endless blob ends here.
        int count = _source.Read(_buffer.AsSpan(0, (int)Math.Min(_buffer!.Length, _descriptor.Size - _total + 1)));
        if (count == 0)
        {
            return false;
        }

        _total += count;
        if (_total > _descriptor.Size)
        {
            throw Damaged($"is longer than the {_descriptor.Size} bytes that it has by the manifest");
        }

        _hash.AppendData(_buffer.AsSpan(0, count));
        (_at, _end) = (0, count);
        Progress?.Invoke(count);
        return true;
    }

    private BlobDamagedException Damaged(string how)
    {
        (_source as IPartialSource)?.Forget();
        return new BlobDamagedException($"{_what} ({_descriptor.Digest}) {how}", IsRemote);
    }

    protected override void Dispose(bool disposing)
    {
        if (_buffer is { } buffer)
        {
            _buffer = null;
            _source.Dispose();
            _hash.Dispose();
            ArrayPool<byte>.Shared.Return(buffer);
        }

        base.Dispose(disposing);
    }
}

/// <summary>A source that keeps what came, for the next time.</summary>
internal interface IPartialSource
{
    /// <summary>What came is complete, or wrong: nobody is to go on from it.</summary>
    void Forget();
}

/// <summary>A blob is not what its descriptor says.</summary>
internal sealed class BlobDamagedException(string message, bool isRemote) : ContainerException(message)
{
    public bool IsRemote { get; } = isRemote;

    /// <summary>The error for callers.</summary>
    public ImageException Explain(string where) => new($"{where}: {Message}.", IsRemote
        ? "The bytes were changed or cut on their way, or the registry's copy is damaged; nothing of it was kept."
        : "The file was changed or damaged; nothing of it was kept.", this);
}
