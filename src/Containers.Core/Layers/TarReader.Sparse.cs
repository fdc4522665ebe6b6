namespace Containers.Layers;

// The maps of sparse files that stand in blocks of their own: GNU's old format and the newest one (GNU tar's manual, "Storing Sparse Files").
internal sealed partial class TarReader
{
    // Four parts in the header, where ustar has its prefix, and 21 in each block that follows while a flag says so.
    private void ReadOldSparseMap()
    {
        Entry.IsSparse = true;
        Entry.Size = HeaderNumber(483, 12, "real size");
        bool more = AddOldParts(_header.AsSpan(386, 4 * 24)) && _header[482] != 0;
        bool blocks = _header[482] != 0;
        while (blocks)
        {
            ReadOnlySpan<byte> block = input.TakeBlock();
            if (block.Length < ArchiveInput.BlockLength)
            {
                throw Truncated();
            }

            blocks = block[504] != 0;
            more = more && AddOldParts(block[..(21 * 24)]);
        }
    }

    // False after the last part.
    private bool AddOldParts(ReadOnlySpan<byte> parts)
    {
        for (; !parts.IsEmpty; parts = parts[24..])
        {
            if (parts[12] == 0)
            {
                return false;
            }

            if (!TarNumber.TryParse(parts[..12], out long offset) || !TarNumber.TryParse(parts[12..24], out long length))
            {
                throw Error("has a sparse map that is no numbers");
            }

            AddPart(offset, length);
        }

        return true;
    }

    // Decimal numbers with a newline behind each, before the data, filled up to whole blocks: a count, then offset and length of each part.
    private void ReadSparseMapInData()
    {
        Entry.IsSparse = true;
        ReadOnlySpan<byte> block = default;
        long count = ReadMapNumber(ref block);
        if (count > SparseMap.MostParts)
        {
            throw Error($"has a sparse map of {count} parts");
        }

        for (; count > 0; count--)
        {
            long offset = ReadMapNumber(ref block);
            AddPart(offset, ReadMapNumber(ref block));
        }
    }

    private long ReadMapNumber(ref ReadOnlySpan<byte> block)
    {
        long value = 0;
        for (int digits = 0; ; digits++)
        {
            if (block.IsEmpty)
            {
                block = ReadBody(ArchiveInput.BlockLength);
                if (block.Length < ArchiveInput.BlockLength)
                {
                    throw Error("has a sparse map that does not end");
                }
            }

            byte digit = block[0];
            block = block[1..];
            if (digit == '\n' && digits > 0)
            {
                return value;
            }

            if (digit is < (byte)'0' or > (byte)'9' || digits == 18)
            {
                throw Error("has a sparse map that is no numbers");
            }

            value = value * 10 + (digit - '0');
        }
    }

    private void AddPart(long offset, long length)
    {
        Entry.Sparse.Add(offset, length);
        if (Entry.Sparse.Count > SparseMap.MostParts)
        {
            throw Error($"has a sparse map of more than {SparseMap.MostParts} parts");
        }
    }
}
