using SharpCompress.Compressors.Xz;
using SharpCompress.Compressors.ZStandard;

namespace Containers.Layers;

/// <summary>Recognises how an archive is compressed by its first bytes, and opens it.</summary>
internal static class Decompression
{
    /// <summary>The tar inside, and the name of what it is compressed with; null when it is plain.</summary>
    /// <exception cref="LayerException">It is empty, or compressed in a way that is not read.</exception>
    public static (Stream Tar, string? Kind) Open(ArchiveSource source)
    {
        ReadOnlySpan<byte> magic = source.Peek(6);
        if (magic.IsEmpty)
        {
            throw new LayerException("The archive is empty: not even the end mark of a tar is there.");
        }

        return magic switch
        {
            [0x1f, 0x8b, ..] => (new GzipMembers(source), "gzip"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] or [>= 0x50 and <= 0x5f, 0x2a, 0x4d, 0x18, ..] => (new DecompressionStream(source, leaveOpen: true), "zstd"),
            [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0] => (new XzStreams(source), "xz"),
            [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', 0x31, 0x41] => throw Unread("bzip2"),
            [0x04, 0x22, 0x4d, 0x18, ..] => throw Unread("lz4"),
            [(byte)'P', (byte)'K', 3, 4, ..] => throw Unread("zip"),
            _ => (source, null),
        };

        static LayerException Unread(string kind) => new($"The archive is a {kind} file.", "A layer is a tar: plain, or compressed with gzip, zstd or xz.");
    }

    /// <summary>xz data is any number of streams one after another, with zeros between and behind them in fours (the .xz format, 2.2): the decoder reads one.</summary>
    private sealed class XzStreams(ArchiveSource source) : ReadOnlyStream
    {
        private XZStream? _stream;

        public override int Read(Span<byte> buffer)
        {
            Span<byte> padding = stackalloc byte[4];
            while (true)
            {
                _stream ??= new XZStream(source);
                int count = _stream.Read(buffer);
                if (count > 0 || buffer.IsEmpty)
                {
                    return count;
                }

                while (source.Peek(4) is [0, 0, 0, 0])
                {
                    source.ReadExactly(padding);
                }

                if (source.Peek(1).IsEmpty)
                {
                    return 0;
                }

                _stream = null; // has no state outside this heap; disposing it would close the source
            }
        }
    }
}
