using Containers.Native;

namespace Containers.Layers;

// Files, links and devices: each is finished as soon as it is made.
internal sealed unsafe partial class TreeWriter
{
    private void AddFile(byte* name)
    {
        if (_entry.Size > _limits.MaximumFileSize)
        {
            throw _reader.Error($"has {_entry.Size} bytes, and a file may have {_limits.MaximumFileSize}", UnpackLimits.Hint);
        }

        // Group and others get nothing before the owner is right. In the usual case, root's file with a mode that the umask leaves alone, it is right from the start.
        bool plain = _defaults.AreKept(_entry);
        uint mode = plain ? _entry.Mode : 0x180;
        int flags = Kernel.O_WRONLY | Kernel.O_CREAT | Kernel.O_EXCL | Kernel.O_NOFOLLOW;
        int file = Kernel.openat(_parent.Descriptor, name, flags, mode);
        if (file == -(int)Errno.EEXIST)
        {
            Remove(name);
            file = Kernel.openat(_parent.Descriptor, name, flags, mode);
        }

        if (file < 0)
        {
            throw Failed("create", file);
        }

        try
        {
            if (plain && !_defaults.Verify(file, _entry))
            {
                plain = false;
            }

            if (_entry.Size > 0)
            {
                _recipe?.AddFile(RealPath(_path.Span[(_path.Span.LastIndexOf((byte)'/') + 1)..]), _entry.IsSparse ? 0 : _entry.Size);
            }

            if (_entry.IsSparse)
            {
                WriteSparse(file);
            }
            else
            {
                WriteAll(file, long.MaxValue);
            }

            if (!plain)
            {
                Check("chown", Kernel.fchown(file, _entry.Owner, _entry.Group));
                Check("chmod", Kernel.fchmod(file, _entry.Mode));
            }

            SetXattrs(file);
            Kernel.timespec* times = stackalloc Kernel.timespec[] { _entry.Accessed, _entry.Modified };
            Check("set the times of", Kernel.utimensat(file, null, times, 0));
        }
        finally
        {
            _ = Kernel.close(file);
        }
    }

    private void WriteAll(int file, long length)
    {
        while (length > 0)
        {
            ReadOnlySpan<byte> data = _reader.ReadBody(length, isContent: _recipe is not null);
            if (data.IsEmpty)
            {
                return;
            }

            length -= data.Length;
            fixed (byte* bytes = data)
            {
                for (nuint done = 0; done < (nuint)data.Length;)
                {
                    long written = Kernel.write(file, bytes + done, (nuint)data.Length - done);
                    Check("write", written);
                    done += (nuint)written;
                }
            }
        }
    }

    private void WriteSparse(int file)
    {
        for (int i = 0; i < _entry.Sparse.Count; i++)
        {
            (long offset, long length) = _entry.Sparse[i];
            if (length > 0)
            {
                Check("seek in", Kernel.lseek(file, offset, 0));
                _recipe?.AddPart(offset, length);
                WriteAll(file, length);
            }
        }

        Check("set the size of", Kernel.ftruncate(file, _entry.Size));
    }

    private void SetXattrs(int file)
    {
        for (int i = 0; i < _entry.Xattrs.Count; i++)
        {
            ReadOnlySpan<byte> name = _entry.Xattrs.Name(i);
            if (!IsOverlays(name))
            {
                fixed (byte* key = name, value = _entry.Xattrs.Value(i))
                {
                    CheckXattr(name, Kernel.fsetxattr(file, key, value, (nuint)_entry.Xattrs.Value(i).Length));
                }
            }
        }
    }

    /// <summary>Overlay's own attributes would change what other layers show: redirects to anywhere, opaque marks that no whiteout stands for.</summary>
    internal static bool IsOverlays(ReadOnlySpan<byte> name) => name.StartsWith("trusted.overlay."u8) || name.StartsWith("user.overlay."u8);

    // What cannot be opened just to be changed: an open of a fifo waits, one of a device wakes a driver.
    private void AddSpecial(byte* name)
    {
        int made = Make(name);
        if (made == -(int)Errno.EEXIST)
        {
            Remove(name);
            made = Make(name);
        }

        if (made == -(int)Errno.EPERM && MappedRoot.IsEntered && _entry.Type is TarEntryType.CharacterDevice or TarEntryType.BlockDevice)
        {
            MissingDevices.Add(_path.Span.ToArray());
            return;
        }

        if (made < 0)
        {
            throw Failed(_entry.Type == TarEntryType.SymbolicLink ? "symlink" : "mknod", made);
        }

        if (!_defaults.OwnerIsKept(_entry))
        {
            Check("chown", Kernel.fchownat(_parent.Descriptor, name, _entry.Owner, _entry.Group, Kernel.AT_SYMLINK_NOFOLLOW));
        }

        if (_entry.Type != TarEntryType.SymbolicLink)
        {
            // It would follow a link (the call has no flags), but the name was made here a moment ago and is none.
            Check("chmod", Kernel.fchmodat(_parent.Descriptor, name, _entry.Mode));
        }

        SetXattrs(name);
        Kernel.timespec* times = stackalloc Kernel.timespec[] { _entry.Accessed, _entry.Modified };
        Check("set the times of", Kernel.utimensat(_parent.Descriptor, name, times, Kernel.AT_SYMLINK_NOFOLLOW));
    }

    private int Make(byte* name)
    {
        switch (_entry.Type)
        {
            case TarEntryType.SymbolicLink:
                if (_entry.Target.Span.Contains((byte)0))
                {
                    throw _reader.Error("is a symbolic link with a NUL in its target");
                }

                fixed (byte* target = _entry.Target)
                {
                    return Kernel.symlinkat(target, _parent.Descriptor, name);
                }

            case TarEntryType.Fifo:
                return Kernel.mknodat(_parent.Descriptor, name, Kernel.S_IFIFO | 0x180, 0);
            default:
                uint type = _entry.Type == TarEntryType.CharacterDevice ? Kernel.S_IFCHR : Kernel.S_IFBLK;
                return Kernel.mknodat(_parent.Descriptor, name, type | 0x180, Kernel.makedev(_entry.Major, _entry.Minor));
        }
    }

    // There is no setxattrat before Linux 6.13: through /proc, the directory is the one that is open, and lsetxattr does not follow the last name.
    private void SetXattrs(byte* name)
    {
        if (_entry.Xattrs.Count == 0)
        {
            return;
        }

        ByteBuffer path = _real;
        path.Set(System.Text.Encoding.ASCII.GetBytes($"/proc/self/fd/{_parent.Descriptor}/"));
        path.Append(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name));
        for (int i = 0; i < _entry.Xattrs.Count; i++)
        {
            ReadOnlySpan<byte> key = _entry.Xattrs.Name(i);
            if (!IsOverlays(key))
            {
                fixed (byte* file = path, keyBytes = key, value = _entry.Xattrs.Value(i))
                {
                    CheckXattr(key, Kernel.lsetxattr(file, keyBytes, value, (nuint)_entry.Xattrs.Value(i).Length));
                }
            }
        }
    }

    private void CheckXattr(ReadOnlySpan<byte> name, int result)
    {
        if (result < 0)
        {
            throw Failed($"set the attribute {PathText.Show(name)} of", result);
        }
    }

    private void Check(string operation, long result)
    {
        if (result < 0)
        {
            throw Failed(operation, result);
        }
    }
}
