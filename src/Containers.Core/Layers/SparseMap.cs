namespace Containers.Layers;

/// <summary>The parts of a sparse file that an archive holds, in order: all between them is holes.</summary>
internal sealed class SparseMap
{
    /// <summary>More parts than any real file has; each takes 16 bytes here.</summary>
    public const int MostParts = 1 << 20;

    private readonly List<(long Offset, long Length)> _parts = [];

    public int Count => _parts.Count;

    public (long Offset, long Length) this[int index] => _parts[index];

    public void Clear() => _parts.Clear();

    public void Add(long offset, long length) => _parts.Add((offset, length));

    /// <summary>What is wrong with it, or null: parts in order, apart from each other, inside the file, and as long together as the data.</summary>
    public string? Check(long size, long stored)
    {
        long end = 0;
        long sum = 0;
        foreach ((long offset, long length) in _parts)
        {
            if (offset < 0 || length < 0 || offset > long.MaxValue - length)
            {
                return $"has a sparse part at {offset} of {length} bytes";
            }

            if (offset < end)
            {
                return $"has a sparse part at {offset} that begins before the one before it ends, at {end}";
            }

            end = offset + length;
            sum += length; // the parts are apart, so the sum is no more than the last end
        }

        return end > size ? $"has sparse parts up to {end} in a file of {size} bytes"
            : sum != stored ? $"has sparse parts of {sum} bytes together and {stored} bytes of data"
            : null;
    }
}
