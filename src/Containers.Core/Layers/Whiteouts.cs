using Containers.Native;

namespace Containers.Layers;

/// <summary>
/// Names that begin with ".wh.", by which a layer hides what lies below it (OCI image spec, "Whiteouts"), made into what
/// overlayfs knows: a character device 0/0, and an attribute for a directory that hides all below. They are made last,
/// since they never hide anything of their own layer, wherever they stand in the archive.
/// </summary>
internal sealed unsafe class Whiteouts(RootDirectories directories, IReadOnlyList<byte[]> drop)
{
    private readonly List<(byte[] Parent, byte[] Name)> _names = [];
    private readonly List<byte[]> _opaqueMarks = [];
    private readonly HashSet<byte[]> _opaque = new(PathBytes.Comparer);
    private readonly HashSet<byte[]> _drop = new(drop, PathBytes.Comparer);

    /// <summary>What a whiteout's name begins with.</summary>
    public static ReadOnlySpan<byte> Prefix => ".wh."u8;

    /// <summary>The name of the mark in a directory that hides all below.</summary>
    public static ReadOnlySpan<byte> Opaque => ".wh..wh..opq"u8;

    /// <summary>Takes the entry if its path is a whiteout or bookkeeping of AUFS. False: it is a file like others.</summary>
    public bool Take(ReadOnlySpan<byte> path, TarReader reader)
    {
        foreach (Range range in path.Split((byte)'/'))
        {
            ReadOnlySpan<byte> name = path[range];
            if (!name.StartsWith(Prefix))
            {
                continue;
            }

            bool last = range.End.GetOffset(path.Length) == path.Length;
            int parent = Math.Max(range.Start.GetOffset(path.Length) - 1, 0);
            if (last && name.SequenceEqual(Opaque))
            {
                _opaqueMarks.Add(path[..parent].ToArray());
                return true;
            }

            if (name.StartsWith(".wh..wh."u8))
            {
                return true; // .wh..wh.plnk, .wh..wh.aufs, .wh..wh.orph and what is in them
            }

            ReadOnlySpan<byte> hidden = name[Prefix.Length..];
            if (!last || hidden.IsEmpty || hidden.SequenceEqual("."u8) || hidden.SequenceEqual(".."u8))
            {
                throw reader.Error(last ? "is a whiteout that names nothing a layer could hide" : "stands below a whiteout, which is no directory");
            }

            _names.Add((path[..parent].ToArray(), hidden.ToArray()));
            return true;
        }

        return false;
    }

    /// <summary>Makes those that are needed, and returns their paths.</summary>
    public List<byte[]> Make(RootDirectory place)
    {
        foreach (byte[] path in _opaqueMarks)
        {
            directories.Open(path, place, create: true);
            MarkOpaque(place.Real.Span);
        }

        // First those that stand beside something of this layer: a directory then hides what it would be merged with,
        // and anything else hides by being there.
        List<(byte[] Parent, byte[] Name, byte[] Path)> left = [];
        foreach ((byte[] parent, byte[] name) in _names)
        {
            if (!directories.Open(parent, place, create: false))
            {
                left.Add((parent, name, Join(parent, name)));
                continue;
            }

            byte[] path = Join(place.Real.Span, name);
            switch (TypeAt(place, name))
            {
                case 0:
                    left.Add((place.Real.Span.ToArray(), name, path));
                    break;
                case Kernel.S_IFDIR:
                    MarkOpaque(path);
                    break;
            }
        }

        List<byte[]> made = [];
        foreach ((byte[] parent, byte[] name, byte[] path) in left)
        {
            if (!IsBelowOpaque(path) && !_drop.Contains(path) && MakeDevice(place, parent, name, path))
            {
                made.Add(path);
            }
        }

        return made;
    }

    private bool MakeDevice(RootDirectory place, byte[] parent, byte[] name, byte[] path)
    {
        directories.Open(parent, place, create: true);
        fixed (byte* bytes = (byte[])[.. name, 0])
        {
            int made = Kernel.mknodat(place.Descriptor, bytes, Kernel.S_IFCHR, 0);
            if (made == -(int)Errno.EEXIST)
            {
                return false; // named twice
            }

            return made == 0 ? true : throw new KernelException("make the whiteout", PathText.Show(path), (Errno)(-made), TreeWriter.Hint((Errno)(-made)));
        }
    }

    private void MarkOpaque(ReadOnlySpan<byte> path)
    {
        if (!_opaque.Add(path.ToArray()))
        {
            return;
        }

        ByteBuffer name = new();
        name.Set(path);
        int directory = directories.OpenReal(name.Span);
        int result = directory;
        if (directory >= 0)
        {
            // Of a user namespace's overlay (userxattr), which may not have the other one.
            fixed (byte* key = MappedRoot.IsEntered ? "user.overlay.opaque\0"u8 : "trusted.overlay.opaque\0"u8, value = "y"u8)
            {
                result = Kernel.fsetxattr(directory, key, value, 1);
            }

            _ = Kernel.close(directory);
        }

        if (result < 0)
        {
            throw new KernelException("mark as opaque", PathText.Show(path), (Errno)(-result), TreeWriter.Hint((Errno)(-result)));
        }
    }

    private bool IsBelowOpaque(ReadOnlySpan<byte> path)
    {
        HashSet<byte[]>.AlternateLookup<ReadOnlySpan<byte>> opaque = _opaque.GetAlternateLookup<ReadOnlySpan<byte>>();
        while (!path.IsEmpty)
        {
            path = path[..Math.Max(path.LastIndexOf((byte)'/'), 0)];
            if (opaque.Contains(path))
            {
                return true;
            }
        }

        return false;
    }

    private static uint TypeAt(RootDirectory place, byte[] name)
    {
        fixed (byte* bytes = (byte[])[.. name, 0])
        {
            Kernel.statx_t status;
            return Kernel.statx(place.Descriptor, bytes, Kernel.AT_SYMLINK_NOFOLLOW, Kernel.STATX_BASIC_STATS, &status) < 0 ? 0 : status.Type;
        }
    }

    private static byte[] Join(ReadOnlySpan<byte> parent, ReadOnlySpan<byte> name) => parent.IsEmpty ? name.ToArray() : [.. parent, (byte)'/', .. name];
}
