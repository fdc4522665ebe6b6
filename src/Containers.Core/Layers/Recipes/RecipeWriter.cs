using System.IO.Compression;

namespace Containers.Layers.Recipes;

/// <summary>Writes a recipe while its layer is unpacked.</summary>
internal sealed class RecipeWriter : IDisposable
{
    // One run of bytes between two contents is some headers; a longer one is written in pieces.
    private const int LongestRun = 64 << 10;

    private const int LongestNumber = 10;

    private readonly byte[] _run = new byte[LongestRun];
    private readonly byte[] _buffer = new byte[LongestRun + LongestNumber]; // the compressor is called for a lot at once: each call costs more than a header does
    private int _buffered;
    private readonly FileWriter _file;
    private readonly DeflateStream _deflate;
    private int _length;
    private long _total;

    /// <param name="place">The directory beside the tree that gets the recipe, and what is put aside.</param>
    public RecipeWriter(string place)
    {
        _file = new FileWriter($"{place}/{RecipeFormat.FileName}");
        _file.Write(RecipeFormat.Magic);
        _deflate = new DeflateStream(_file, CompressionLevel.Fastest, leaveOpen: true);
        Contents = new KeptContents($"{place}/{RecipeFormat.AsideName}");
    }

    /// <summary>Which files have content that is needed.</summary>
    public KeptContents Contents { get; }

    /// <summary>Bytes of the tar that are no content.</summary>
    public void AddBytes(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, LongestRun - _length);
            bytes[..count].CopyTo(_run.AsSpan(_length));
            _length += count;
            bytes = bytes[count..];
            if (_length == LongestRun)
            {
                EndRun();
            }
        }
    }

    /// <summary>Content that is at the beginning of a file.</summary>
    /// <param name="path">The file's path in the tree, without links.</param>
    /// <param name="length">How many bytes; for a sparse file 0, and parts follow.</param>
    public void AddFile(ReadOnlySpan<byte> path, long length)
    {
        EndRun();
        WriteNumber(path.Length, RecipeFormat.File);
        Write(path);
        WriteNumber(length);
        _total += length;
        Contents.Add(path);
    }

    /// <summary>Content that is somewhere in the file that was added last.</summary>
    public void AddPart(long offset, long length)
    {
        EndRun();
        WriteNumber(offset, RecipeFormat.Part);
        WriteNumber(length);
        _total += length;
    }

    /// <summary>Completes it.</summary>
    /// <param name="length">The tar's length.</param>
    public void Finish(long length)
    {
        EndRun();
        if (_total != length)
        {
            throw new InvalidOperationException($"A recipe for {_total} bytes was made of a tar of {length}.");
        }

        WriteNumber(length * 2 + 1, RecipeFormat.Other);
        Flush();
        _deflate.Dispose();
        _file.Dispose();
    }

    public void Dispose()
    {
        _file.Abandon(); // unless it is finished, what the compressor still has is of no use to anybody
        _deflate.Dispose();
        _file.Dispose();
        Contents.Dispose();
    }

    private void EndRun()
    {
        if (_length > 0)
        {
            WriteRun(_run.AsSpan(0, _length));
            _total += _length;
            _length = 0;
        }
    }

    // Zeros are counted here, since the compressor would look at each of them.
    private void WriteRun(ReadOnlySpan<byte> run)
    {
        ReadOnlySpan<byte> zeros = stackalloc byte[RecipeFormat.FewestZeros];
        while (!run.IsEmpty)
        {
            int begin = run.IndexOf(zeros);
            int bytes = begin < 0 ? run.Length : begin;
            if (bytes > 0)
            {
                WriteNumber(bytes, RecipeFormat.Literal);
                Write(run[..bytes]);
                run = run[bytes..];
            }

            if (begin >= 0)
            {
                int end = run.IndexOfAnyExcept((byte)0);
                int count = end < 0 ? run.Length : end;
                WriteNumber(count * 2L, RecipeFormat.Other);
                run = run[count..];
            }
        }
    }

    private void WriteNumber(long value, int kind) => WriteNumber((value << 2) | (long)kind);

    private void WriteNumber(long value)
    {
        if (_buffered + LongestNumber > _buffer.Length)
        {
            Flush();
        }

        ulong rest = (ulong)value;
        do
        {
            _buffer[_buffered++] = (byte)((rest & 0x7f) | (rest > 0x7f ? 0x80u : 0));
            rest >>= 7;
        }
        while (rest > 0);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        if (_buffered + bytes.Length > _buffer.Length)
        {
            Flush();
            if (bytes.Length > _buffer.Length)
            {
                _deflate.Write(bytes);
                return;
            }
        }

        bytes.CopyTo(_buffer.AsSpan(_buffered));
        _buffered += bytes.Length;
    }

    private void Flush()
    {
        _deflate.Write(_buffer, 0, _buffered);
        _buffered = 0;
    }
}
