using System.Buffers.Text;
using Containers.Native;

namespace Containers.Layers;

/// <summary>
/// What pax extended headers say about an entry: records "LENGTH KEY=VALUE\n", whose values are any bytes (pax(1), "pax
/// Extended Header"; GNU tar's manual, "Storing Sparse Files"). An empty value takes back what was said before.
/// </summary>
internal sealed class PaxRecords
{
    private readonly ByteBuffer _path = new();
    private readonly ByteBuffer _target = new();
    private readonly ByteBuffer _sparseName = new();
    private readonly ByteBuffer _decoded = new();
    private long? _sparseOffset;

    /// <summary>Empty where none was given. GNU.sparse.name comes first: the path beside it is made up, for readers that know nothing of sparse files.</summary>
    public ReadOnlySpan<byte> Path => _sparseName.Length > 0 ? _sparseName.Span : _path.Span;

    public ReadOnlySpan<byte> Target => _target.Span;

    public long? Size { get; private set; }

    public long? Owner { get; private set; }

    public long? Group { get; private set; }

    public long? Major { get; private set; }

    public long? Minor { get; private set; }

    public Kernel.timespec? Modified { get; private set; }

    public Kernel.timespec? Accessed { get; private set; }

    public XattrList Xattrs { get; } = new();

    /// <summary>Size with the holes, in GNU's sparse formats.</summary>
    public long? SparseSize { get; private set; }

    /// <summary>1 in the sparse format whose map stands before the data; otherwise the map is here.</summary>
    public long? SparseMajor { get; private set; }

    public bool HasSparseMap { get; private set; }

    public SparseMap Sparse { get; } = new();

    public void Clear()
    {
        _path.Clear();
        _target.Clear();
        _sparseName.Clear();
        Size = Owner = Group = Major = Minor = SparseSize = SparseMajor = _sparseOffset = null;
        Modified = Accessed = null;
        Xattrs.Clear();
        Sparse.Clear();
        HasSparseMap = false;
    }

    /// <summary>Takes in the records of one header. Returns what is wrong with them, or null.</summary>
    public string? Apply(ReadOnlySpan<byte> records)
    {
        while (!records.IsEmpty)
        {
            int space = records[..Math.Min(records.Length, 20)].IndexOf((byte)' ');
            if (space < 1 || !TarNumber.TryParseDecimal(records[..space], out long length) || length <= space + 1 || length > records.Length
                || records[(int)length - 1] != '\n')
            {
                return "has an extended header with a record of a wrong length";
            }

            ReadOnlySpan<byte> record = records[(space + 1)..((int)length - 1)];
            int equals = record.IndexOf((byte)'=');
            if (equals < 1)
            {
                return "has an extended header with a record that is no KEY=VALUE";
            }

            if (!Apply(record[..equals], record[(equals + 1)..]))
            {
                return $"has an extended header with \"{PathText.Show(record)}\", which cannot be right";
            }

            records = records[(int)length..];
        }

        return null;
    }

    private bool Apply(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        switch (key)
        {
            case var _ when key.StartsWith("SCHILY.xattr."u8):
                return SetXattr(DecodePercent(key["SCHILY.xattr.".Length..], gnu: true), value);
            case var _ when key.StartsWith("LIBARCHIVE.xattr."u8):
                return SetBase64Xattr(DecodePercent(key["LIBARCHIVE.xattr.".Length..], gnu: false), value);
            case var _ when key.StartsWith("GNU.sparse."u8):
                return ApplySparse(key["GNU.sparse.".Length..], value);
            case var _ when key.SequenceEqual("path"u8):
                return SetName(_path, value);
            case var _ when key.SequenceEqual("linkpath"u8):
                return SetName(_target, value);
            case var _ when key.SequenceEqual("size"u8):
                (bool good, Size) = Number(value);
                return good;
            case var _ when key.SequenceEqual("uid"u8):
                (good, Owner) = Number(value);
                return good;
            case var _ when key.SequenceEqual("gid"u8):
                (good, Group) = Number(value);
                return good;
            case var _ when key.SequenceEqual("mtime"u8):
                (good, Modified) = Time(value);
                return good;
            case var _ when key.SequenceEqual("atime"u8):
                (good, Accessed) = Time(value);
                return good;
            case var _ when key.SequenceEqual("SCHILY.devmajor"u8):
                (good, Major) = Number(value);
                return good;
            case var _ when key.SequenceEqual("SCHILY.devminor"u8):
                (good, Minor) = Number(value);
                return good;
            default:
                return true; // names of owners, comments, ctime, hdrcharset (names are bytes to us), a vendor's own
        }
    }

    private bool ApplySparse(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        bool good = true;
        switch (key)
        {
            case var _ when key.SequenceEqual("name"u8):
                return SetName(_sparseName, value);
            case var _ when key.SequenceEqual("size"u8) || key.SequenceEqual("realsize"u8):
                (good, SparseSize) = Number(value);
                return good;
            case var _ when key.SequenceEqual("major"u8):
                (good, SparseMajor) = Number(value);
                return good && SparseMajor is null or 0 or 1;
            case var _ when key.SequenceEqual("offset"u8): // 0.0: a record for each, in turn
                good = _sparseOffset is null;
                HasSparseMap = true;
                return TarNumber.TryParseDecimal(value, out long offset) && (_sparseOffset = offset) >= 0 && good;
            case var _ when key.SequenceEqual("numbytes"u8):
                good = _sparseOffset is not null && TarNumber.TryParseDecimal(value, out long length) && AddPart(_sparseOffset.Value, length);
                _sparseOffset = null;
                return good;
            case var _ when key.SequenceEqual("map"u8): // 0.1: all in one
                return SetMap(value);
            default:
                return true; // numblocks says what is counted here anyway
        }
    }

    private bool SetMap(ReadOnlySpan<byte> value)
    {
        HasSparseMap = true;
        Sparse.Clear();
        long offset = -1;
        foreach (Range range in value.Split((byte)','))
        {
            if (!TarNumber.TryParseDecimal(value[range], out long number))
            {
                return value.IsEmpty;
            }

            if (offset < 0)
            {
                offset = number;
            }
            else if (AddPart(offset, number))
            {
                offset = -1;
            }
            else
            {
                return false;
            }
        }

        return offset < 0;
    }

    private bool AddPart(long offset, long length)
    {
        Sparse.Add(offset, length);
        return Sparse.Count <= SparseMap.MostParts;
    }

    private static bool SetName(ByteBuffer name, ReadOnlySpan<byte> value)
    {
        name.Set(value);
        return !value.Contains((byte)0);
    }

    private static (bool Good, long? Value) Number(ReadOnlySpan<byte> value)
        => value.IsEmpty ? (true, null) : TarNumber.TryParseDecimal(value, out long number) ? (true, number) : (false, null);

    private static (bool Good, Kernel.timespec? Value) Time(ReadOnlySpan<byte> value)
        => value.IsEmpty ? (true, null) : TarNumber.TryParseTime(value, out Kernel.timespec time) ? (true, time) : (false, null);

    private bool SetXattr(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Xattrs.Set(name, value);
        return !name.IsEmpty && !name.Contains((byte)0);
    }

    private bool SetBase64Xattr(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        // libarchive leaves the padding out.
        byte[] padded = new byte[(value.Length + 3) / 4 * 4];
        padded.AsSpan().Fill((byte)'=');
        value.CopyTo(padded);
        return Base64.DecodeFromUtf8InPlace(padded, out int length) == System.Buffers.OperationStatus.Done && SetXattr(name, padded.AsSpan(0, length));
    }

    // A key ends at the first "=", so an attribute whose name has one is written with %3D: GNU tar encodes it and "%" and no more, libarchive more.
    private ReadOnlySpan<byte> DecodePercent(ReadOnlySpan<byte> name, bool gnu)
    {
        if (!name.Contains((byte)'%'))
        {
            return name;
        }

        _decoded.Clear();
        for (int i = 0; i < name.Length; i++)
        {
            bool code = name[i] == '%' && i + 2 < name.Length && Utf8Parser.TryParse(name.Slice(i + 1, 2), out byte _, out int used, 'x') && used == 2;
            byte value = 0;
            code = code && Utf8Parser.TryParse(name.Slice(i + 1, 2), out value, out _, 'x') && (!gnu || value is (byte)'%' or (byte)'=');
            _decoded.Append(code ? value : name[i]);
            i += code ? 2 : 0;
        }

        return _decoded.Span;
    }
}
