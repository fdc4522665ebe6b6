namespace Containers.Layers;

/// <summary>
/// Reads a tar: the old format, ustar, GNU's, star's and pax, with every name and value as the bytes they are. It goes
/// forward only, and gives out the same <see cref="TarEntry"/> again and again.
/// </summary>
internal sealed partial class TarReader(ArchiveInput input)
{
    private const int LongestExtension = 8 << 20; // bytes of a pax header or long name: an entry's attributes and maps are far below

    private readonly byte[] _header = new byte[ArchiveInput.BlockLength];
    private readonly PaxRecords _pax = new();
    private readonly ByteBuffer _longPath = new();
    private readonly ByteBuffer _longTarget = new();
    private readonly ByteBuffer _extension = new();
    private readonly ByteBuffer _global = new();
    private bool _hasPax;
    private bool _hasLocal; // headers for one entry were read, so one has to follow
    private long _body; // bytes of the entry's data not yet given out
    private long _padding;

    public TarEntry Entry { get; } = new();

    /// <summary>Goes to the next entry, past what is left of this one. False at the end of the archive.</summary>
    /// <exception cref="LayerException">Something is wrong with it.</exception>
    public bool Next()
    {
        Skip(_body + _padding);
        _body = _padding = 0;
        Entry.Offset = input.Position;
        ResetExtensions();
        while (ReadHeader())
        {
            char type = (char)_header[156];
            long size = HeaderNumber(124, 12, "size");
            switch (type)
            {
                case 'x' or 'X': // X: Solaris, the same in content
                    ReadExtension(size);
                    CheckPax(_pax.Apply(_extension.Span));
                    _hasPax = _hasLocal = true;
                    break;
                case 'g':
                    ReadExtension(size);
                    AddGlobal();
                    break;
                case 'L':
                    ReadLongName(size, _longPath);
                    break;
                case 'K':
                    ReadLongName(size, _longTarget);
                    break;
                case 'V': // a volume's label
                    Skip(CheckSize(size) + Padding(size));
                    Entry.Offset = input.Position;
                    break;
                default:
                    Fill(type, size);
                    return true;
            }
        }

        return _hasLocal ? throw Error("is an extended header with nothing behind it") : false;
    }

    /// <summary>The next bytes of the entry's data, up to so many. Empty when all were given.</summary>
    /// <param name="atMost">How many.</param>
    /// <param name="isContent">Whether they go into a file, of which the recipe was told.</param>
    public ReadOnlySpan<byte> ReadBody(long atMost, bool isContent = false)
    {
        if (_body == 0 || atMost == 0)
        {
            return default;
        }

        ReadOnlySpan<byte> bytes = input.Take(Math.Min(_body, atMost), isContent);
        _body -= bytes.Length;
        return bytes.IsEmpty ? throw Truncated() : bytes;
    }

    /// <summary>An error in this entry, with its name and place.</summary>
    public LayerException Error(string what, string? hint = null)
        => new($"The tar entry \"{PathText.Show(Entry.Path.Span)}\" at byte {Entry.Offset} {what}.", hint);

    private LayerException Truncated() => Error($"is cut off: the archive ends at byte {input.Position}");

    private void ResetExtensions()
    {
        Entry.Path.Clear();
        _hasLocal = false;
        _longPath.Clear();
        _longTarget.Clear();
        if (_hasPax)
        {
            _pax.Clear();
            _hasPax = false;
        }

        if (_global.Length > 0)
        {
            CheckPax(_pax.Apply(_global.Span));
            _hasPax = true;
        }
    }

    // False at the end. GNU tar, Go's reader and libarchive all take an archive that stops after a whole entry, without
    // the zeros of its end, so images with such layers exist; a cut at that place cannot be told from it here, and the
    // layer's digest tells it anyway. The first block of zeros is the end: what follows is padding, hashed and not read.
    private bool ReadHeader()
    {
        long at = input.Position;
        ReadOnlySpan<byte> block = input.TakeBlock();
        if (block.IsEmpty)
        {
            return at == 0 ? throw new LayerException("The archive is empty: not even the end mark of a tar is there.") : false;
        }

        if (block.Length < ArchiveInput.BlockLength)
        {
            throw new LayerException(at == 0 ? $"The archive is no tar: it has {block.Length} bytes." : $"The archive is cut off: it ends in the header at byte {at}.");
        }

        if (block.IndexOfAnyExcept((byte)0) < 0)
        {
            return false;
        }

        block.CopyTo(_header);
        (long unsigned, long signed) = Sums(block);
        if (!TarNumber.TryParse(block.Slice(148, 8), out long sum) || (sum != unsigned && sum != signed))
        {
            throw at == 0 ? new LayerException("The archive is no tar: its first block has a wrong checksum.")
                : new LayerException($"The tar header at byte {at}, of \"{PathText.Show(Text(0, 100))}\", has a wrong checksum.");
        }

        return true;
    }

    // Bytes are unsigned in the sum; some old programs summed them up signed. The sum's own field counts as spaces.
    private static (long Unsigned, long Signed) Sums(ReadOnlySpan<byte> block)
    {
        int unsigned = 8 * ' ';
        int high = 0;
        for (int i = 0; i < block.Length; i++)
        {
            int value = i is >= 148 and < 156 ? 0 : block[i];
            unsigned += value;
            high += value >> 7;
        }

        return (unsigned, unsigned - 256 * high);
    }

    private void ReadExtension(long size)
    {
        if (CheckSize(size) > LongestExtension)
        {
            throw Error($"has an extended header of {size} bytes, and {LongestExtension} is the limit");
        }

        _extension.Clear();
        Span<byte> room = _extension.Grow((int)size);
        while (!room.IsEmpty)
        {
            ReadOnlySpan<byte> bytes = input.Take(room.Length);
            if (bytes.IsEmpty)
            {
                throw Truncated();
            }

            bytes.CopyTo(room);
            room = room[bytes.Length..];
        }

        Skip(Padding(size));
    }

    private void ReadLongName(long size, ByteBuffer name)
    {
        ReadExtension(size);
        _hasLocal = true;
        ReadOnlySpan<byte> bytes = _extension.Span;
        int end = bytes.IndexOf((byte)0);
        name.Set(end < 0 ? bytes : bytes[..end]);
    }

    // Records of global headers hold for all entries from there on, each until a later one says otherwise.
    private void AddGlobal()
    {
        if (_global.Length + _extension.Length > LongestExtension)
        {
            throw Error($"is a global header, and all of them together are longer than {LongestExtension} bytes");
        }

        CheckPax(_pax.Apply(_extension.Span));
        _hasPax = true;
        _global.Append(_extension.Span);
    }

    private void CheckPax(string? wrong)
    {
        if (wrong is not null)
        {
            throw Error(wrong);
        }
    }

    private void Skip(long count)
    {
        while (count > 0)
        {
            ReadOnlySpan<byte> bytes = input.Take(count);
            if (bytes.IsEmpty)
            {
                throw Truncated();
            }

            count -= bytes.Length;
        }
    }

    private static long Padding(long size) => -size & (ArchiveInput.BlockLength - 1);

    private long CheckSize(long size) => size is >= 0 and < long.MaxValue - ArchiveInput.BlockLength ? size : throw Error($"has a size of {size} bytes");

    private long HeaderNumber(int offset, int length, string name)
        => TarNumber.TryParse(_header.AsSpan(offset, length), out long value) ? value
            : throw Error($"has \"{PathText.Show(Text(offset, length))}\" for its {name}, which is no number");

    private ReadOnlySpan<byte> Text(int offset, int length)
    {
        ReadOnlySpan<byte> field = _header.AsSpan(offset, length);
        int end = field.IndexOf((byte)0);
        return end < 0 ? field : field[..end];
    }
}
