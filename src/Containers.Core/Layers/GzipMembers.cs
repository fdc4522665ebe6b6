using System.IO.Compression;
using System.Security.Cryptography;

namespace Containers.Layers;

/// <summary>
/// Gzip data, which must be whole. <see cref="GZipStream"/> takes data that stops in the middle for the end and says
/// nothing, and it does not tell how far it came. So behind the end of the data one more member is fed to it, with a text
/// that nobody else knows: when the text does not come out at the end, the member before it was cut off.
/// </summary>
internal sealed class GzipMembers : ReadOnlyStream
{
    private const int MarkLength = 32;
    private readonly byte[] _mark = RandomNumberGenerator.GetBytes(MarkLength);
    private readonly Feed _feed;
    private readonly GZipStream _gzip;
    private readonly byte[] _held = new byte[MarkLength]; // the last bytes that came out, kept back: they may be the mark
    private int _heldLength;
    private readonly byte[] _spillBuffer = new byte[8 * MarkLength];
    private Memory<byte> _spill;
    private bool _done;

    public GzipMembers(Stream source)
    {
        using MemoryStream member = new();
        using (GZipStream compress = new(member, CompressionLevel.Fastest, leaveOpen: true))
        {
            compress.Write(_mark);
        }

        _feed = new Feed(source, member.ToArray());
        _gzip = new GZipStream(_feed, CompressionMode.Decompress, leaveOpen: true);
    }

    public override int Read(Span<byte> buffer)
    {
        if (_spill.IsEmpty)
        {
            if (buffer.Length > MarkLength)
            {
                return ReadHolding(buffer);
            }

            _spill = _spillBuffer.AsMemory(0, ReadHolding(_spillBuffer)); // a buffer that the mark would fill
        }

        int count = Math.Min(buffer.Length, _spill.Length);
        _spill.Span[..count].CopyTo(buffer);
        _spill = _spill[count..];
        return count;
    }

    private int ReadHolding(Span<byte> buffer)
    {
        // What was held comes first, then what is new; the last bytes of both are held again.
        _held.AsSpan(0, _heldLength).CopyTo(buffer);
        int total = _heldLength;
        while (total <= MarkLength)
        {
            int count = _gzip.Read(buffer[total..]);
            if (count == 0)
            {
                _heldLength = 0;
                return End(buffer[..total]);
            }

            total += count;
        }

        _heldLength = MarkLength;
        buffer.Slice(total - MarkLength, MarkLength).CopyTo(_held);
        return total - MarkLength;
    }

    private int End(Span<byte> rest)
    {
        if (_done || !_feed.MarkSent)
        {
            return rest.Length; // complete; where the mark was not asked for, what follows is no gzip member: ignored, as gzip(1) does
        }

        _done = true;
        return rest.EndsWith(_mark) ? rest.Length - MarkLength : throw new EndOfStreamException("The data ends in the middle.");
    }

    protected override void Dispose(bool disposing)
    {
        _gzip.Dispose();
        base.Dispose(disposing);
    }

    private sealed class Feed(Stream source, byte[] mark) : ReadOnlyStream
    {
        private int _sent = -1;

        public bool MarkSent => _sent >= 0;

        public override int Read(Span<byte> buffer)
        {
            if (_sent < 0)
            {
                int count = source.Read(buffer);
                if (count > 0 || buffer.IsEmpty)
                {
                    return count;
                }

                _sent = 0;
            }

            int part = Math.Min(buffer.Length, mark.Length - _sent);
            mark.AsSpan(_sent, part).CopyTo(buffer);
            _sent += part;
            return part;
        }
    }
}
