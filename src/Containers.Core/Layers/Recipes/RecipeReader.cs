using System.IO.Compression;

namespace Containers.Layers.Recipes;

/// <summary>Reads a recipe, step by step. It is the store's own file, and may be damaged all the same.</summary>
internal sealed class RecipeReader : IDisposable
{
    private readonly FileStream _file;
    private readonly BufferedStream _data;

    public RecipeReader(string path)
    {
        _file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            Span<byte> magic = stackalloc byte[RecipeFormat.Magic.Length];
            if (_file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) < magic.Length || !magic.SequenceEqual(RecipeFormat.Magic))
            {
                throw new InvalidDataException("it does not begin as a recipe does");
            }

            _data = new BufferedStream(new DeflateStream(_file, CompressionMode.Decompress), 16 << 10);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>The next step.</summary>
    /// <exception cref="InvalidDataException">The recipe is damaged.</exception>
    public (int Kind, long Value) Next()
    {
        ulong number = ReadUnsigned();
        return ((int)(number & 3), (long)(number >> 2));
    }

    public long ReadNumber()
    {
        ulong number = ReadUnsigned();
        return number <= long.MaxValue ? (long)number : throw new InvalidDataException("a number is too large");
    }

    /// <summary>Bytes that stand in the recipe.</summary>
    public int Read(Span<byte> buffer) => _data.Read(buffer);

    public byte[] ReadPath(long length)
    {
        byte[] path = new byte[length is > 0 and <= RecipeFormat.LongestPath ? length : throw new InvalidDataException($"a path has {length} bytes")];
        _data.ReadExactly(path);
        return path;
    }

    public void Dispose()
    {
        _data.Dispose();
        _file.Dispose();
    }

    private ulong ReadUnsigned()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            int next = _data.ReadByte();
            if (next < 0)
            {
                throw new InvalidDataException("it ends in the middle");
            }

            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("a number does not end");
    }
}
