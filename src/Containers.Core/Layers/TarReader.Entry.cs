using Containers.Native;

namespace Containers.Layers;

// From a header block, and the extended headers before it, to an entry.
internal sealed partial class TarReader
{
    private void Fill(char type, long size)
    {
        SetPath();
        Entry.Type = type switch
        {
            '\0' or '0' or '7' => Entry.Path.Span.EndsWith("/"u8) ? TarEntryType.Directory : TarEntryType.File, // the oldest tars mark a directory so
            'S' => TarEntryType.File,
            '1' => TarEntryType.HardLink,
            '2' => TarEntryType.SymbolicLink,
            '3' => TarEntryType.CharacterDevice,
            '4' => TarEntryType.BlockDevice,
            '5' or 'D' => TarEntryType.Directory, // D: with a list of names as its data, for incremental restores
            '6' => TarEntryType.Fifo,
            'M' => throw Error("continues a file from another volume", "A layer is one archive: join the volumes first."),
            _ => throw Error($"is of a type that is not known, '{PathText.Show([(byte)type])}'"),
        };

        Entry.Mode = (uint)HeaderNumber(100, 8, "mode") & 0xfff;
        Entry.Owner = CheckId(_pax.Owner ?? HeaderNumber(108, 8, "owner"), "owner");
        Entry.Group = CheckId(_pax.Group ?? HeaderNumber(116, 8, "group"), "group");
        Entry.Modified = _pax.Modified ?? new Kernel.timespec { tv_sec = HeaderNumber(136, 12, "time") };
        Entry.Accessed = _pax.Accessed ?? Entry.Modified;
        SetTarget();
        SetDevice();
        Entry.Xattrs.Clear();
        for (int i = 0; i < _pax.Xattrs.Count; i++)
        {
            Entry.Xattrs.Set(_pax.Xattrs.Name(i), _pax.Xattrs.Value(i));
        }

        SetBody(type, CheckSize(_pax.Size ?? size));
    }

    private void SetPath()
    {
        ByteBuffer path = Entry.Path;
        if (!_pax.Path.IsEmpty)
        {
            path.Set(_pax.Path);
        }
        else if (_longPath.Length > 0)
        {
            path.Set(_longPath.Span);
        }
        else
        {
            path.Clear();
            if (_header.AsSpan(257, 6).SequenceEqual("ustar\0"u8))
            {
                // star has times in the last bytes of the prefix, and says so at the end of the block.
                path.Append(Text(345, _header.AsSpan(508, 4).SequenceEqual("tar\0"u8) ? 131 : 155));
                if (path.Length > 0)
                {
                    path.Append((byte)'/');
                }
            }

            path.Append(Text(0, 100));
        }

        if (path.Length == 0)
        {
            throw Error("has no name");
        }
    }

    private void SetTarget()
    {
        Entry.Target.Set(!_pax.Target.IsEmpty ? _pax.Target : _longTarget.Length > 0 ? _longTarget.Span : Text(157, 100));
        if (Entry.Target.Length == 0 && Entry.Type is TarEntryType.HardLink or TarEntryType.SymbolicLink)
        {
            throw Error("is a link to nothing");
        }
    }

    private void SetDevice()
    {
        (Entry.Major, Entry.Minor) = (0, 0);
        if (Entry.Type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice)
        {
            long major = _pax.Major ?? HeaderNumber(329, 8, "major device number");
            long minor = _pax.Minor ?? HeaderNumber(337, 8, "minor device number");
            if (major is < 0 or > 0xfff || minor is < 0 or > 0xfffff)
            {
                throw Error($"has the device number {major}:{minor}"); // 12 and 20 bits: linux/kdev_t.h
            }

            (Entry.Major, Entry.Minor) = ((uint)major, (uint)minor);
        }
    }

    // Only files have data. A size with a link, a directory or a device tells of the file it was made from: GNU tar and Go's
    // reader, which docker uses, both look for the next header right behind it.
    private void SetBody(char type, long size)
    {
        bool hasData = Entry.Type == TarEntryType.File || type == 'D';
        _body = hasData ? size : 0;
        _padding = Padding(_body);
        Entry.Size = Entry.Type == TarEntryType.File ? size : 0;
        Entry.IsSparse = false;
        Entry.Sparse.Clear();
        if (Entry.Type != TarEntryType.File)
        {
            return;
        }

        if (type == 'S')
        {
            ReadOldSparseMap();
        }
        else if (_pax.SparseMajor == 1)
        {
            ReadSparseMapInData();
        }
        else if (_pax.HasSparseMap)
        {
            Entry.IsSparse = true;
            for (int i = 0; i < _pax.Sparse.Count; i++)
            {
                Entry.Sparse.Add(_pax.Sparse[i].Offset, _pax.Sparse[i].Length);
            }
        }

        if (Entry.IsSparse)
        {
            Entry.Size = type == 'S' ? Entry.Size : _pax.SparseSize ?? throw Error("is sparse and does not say its size");
            if ((Entry.Size < 0 ? $"has a size of {Entry.Size} bytes" : Entry.Sparse.Check(Entry.Size, _body)) is { } wrong)
            {
                throw Error(wrong);
            }
        }
    }

    private uint CheckId(long id, string name)
        => id is >= 0 and < uint.MaxValue ? (uint)id : throw Error($"has the {name} {id}"); // the last number means "leave it" to chown(2)
}
