using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Layers.Recipes;

/// <summary>How a layer was unpacked, as far as its tree shows it.</summary>
/// <param name="ConvertsWhiteouts">Whether names that begin with .wh. are whiteouts.</param>
/// <param name="SquashesOwners">Whether owners may be others than the archive's.</param>
/// <param name="Unsaid">Directories that no entry of the archive is about.</param>
/// <param name="Whiteouts">Whiteouts that were made.</param>
/// <param name="Missing">Device nodes that were not made.</param>
internal sealed record LayerTraits(bool ConvertsWhiteouts, bool SquashesOwners, IReadOnlyList<byte[]> Unsaid, IReadOnlyList<byte[]> Whiteouts, IReadOnlyList<byte[]> Missing);

/// <summary>
/// Compares an unpacked tree with its tar. That the tar can be made again says that all contents are right; here types, modes,
/// owners, times (whole seconds: some file systems keep no more), link targets, device numbers and attributes are looked at, and
/// that nothing is there that the archive does not have.
/// </summary>
internal sealed unsafe class LayerCheck : IDisposable
{
    private const ulong Beneath = Kernel.RESOLVE_BENEATH | Kernel.RESOLVE_NO_SYMLINKS;

    private readonly LayerTraits _traits;
    private readonly RootDirectories _directories;
    private readonly RootDirectory _parent;
    private readonly Dictionary<byte[], Expected> _expected = new(PathBytes.Comparer);
    private readonly List<byte[]> _notFound = [];
    private int _count;

    private sealed record Expected(TarEntryType Type, uint Mode, uint Owner, uint Group, long Size, long Time, uint Major, uint Minor, byte[] Target, (byte[] Name, byte[] Value)[] Xattrs, int Number);

    private LayerCheck(string root, LayerTraits traits)
    {
        _traits = traits;
        _directories = new RootDirectories(root);
        _parent = _directories.NewPlace();
    }

    /// <summary>Reads the tar to its end and compares the tree with it.</summary>
    /// <exception cref="LayerException">The first difference.</exception>
    public static void Check(string root, Stream tar, LayerTraits traits, CancellationToken cancellation)
    {
        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        using LayerCheck check = new(root, traits);
        using ArchiveInput input = new(tar, UnpackLimits.None);
        TarReader reader = new(input);
        while (reader.Next())
        {
            cancellation.ThrowIfCancellationRequested();
            check.Expect(reader.Entry);
        }

        input.Finish();
        // Directories come last: their times tell of any change in them, and what changed tells more.
        check.Compare(directories: false);
        check.FindOthers();
        check.Compare(directories: true);
    }

    public void Dispose() => _directories.Dispose();

    private void Expect(TarEntry entry)
    {
        ByteBuffer path = new();
        if (PathText.Normalize(entry.Path.Span, path) is not null || (_traits.ConvertsWhiteouts && HasWhiteout(path.Span)))
        {
            return;
        }

        byte[]? real = path.Length == 0 ? [] : RealPath(path);
        if (real is null)
        {
            _notFound.Add(path.Span.ToArray());
            return;
        }

        ByteBuffer target = new();
        if (entry.Type == TarEntryType.HardLink)
        {
            _ = PathText.Normalize(entry.Target.Span, target);
        }
        else if (entry.Type == TarEntryType.SymbolicLink)
        {
            target.Set(entry.Target.Span);
        }

        if (entry.Type != TarEntryType.Directory && _expected.TryGetValue(real, out Expected? before) && before.Type == TarEntryType.Directory)
        {
            byte[] prefix = [.. real, (byte)'/'];
            foreach (byte[] inside in _expected.Keys.Where(other => other.AsSpan().StartsWith(prefix)).ToArray())
            {
                _expected.Remove(inside); // it was replaced with all in it
            }
        }

        _expected[real] = new Expected(entry.Type, entry.Mode, entry.Owner, entry.Group, entry.Size, entry.Modified.tv_sec, entry.Major, entry.Minor, target.Span.ToArray(), entry.Xattrs.Count == 0 ? [] : entry.Xattrs.ToArray(), _count++);
    }

    private void Compare(bool directories)
    {
        foreach (byte[] path in directories ? [] : _notFound)
        {
            if (!AncestorWasReplaced(path))
            {
                throw Differs(path, "is not there");
            }
        }

        foreach ((byte[] path, Expected expected) in _expected)
        {
            if (_traits.Missing.Count > 0 && _traits.Missing.Contains(path, PathBytes.Comparer))
            {
                continue;
            }

            using PathHandle? there = TryOpen(path);
            if (there is null)
            {
                throw Differs(path, "is not there");
            }

            if (directories == (expected.Type == TarEntryType.Directory))
            {
                Compare(path, expected, there);
            }
        }
    }

    private void Compare(byte[] path, Expected expected, PathHandle there)
    {
        Kernel.statx_t status = Storage.StoreFiles.Stat(there);
        if (expected.Type == TarEntryType.HardLink)
        {
            ByteBuffer target = new();
            target.Set(expected.Target);
            byte[]? real = RealPath(target);
            using PathHandle? other = real is null ? null : TryOpen(real);
            // The target may have been replaced since: then the two are no longer one.
            bool isSame = other is not null && Storage.StoreFiles.Stat(other).stx_ino == status.stx_ino;
            if (!isSame && real is not null && _expected.TryGetValue(real, out Expected? last) && last.Number < expected.Number)
            {
                throw Differs(path, "is another file than the one it was linked to");
            }

            return;
        }

        uint type = expected.Type switch
        {
            TarEntryType.File => Kernel.S_IFREG,
            TarEntryType.Directory => Kernel.S_IFDIR,
            TarEntryType.SymbolicLink => Kernel.S_IFLNK,
            TarEntryType.Fifo => Kernel.S_IFIFO,
            TarEntryType.CharacterDevice => Kernel.S_IFCHR,
            _ => Kernel.S_IFBLK,
        };
        string? difference = status.Type != type ? "is of another type"
            : type != Kernel.S_IFLNK && (status.stx_mode & 0xfffu) != expected.Mode ? $"has the mode {Convert.ToString(status.stx_mode & 0xfff, 8)}, and {Convert.ToString(expected.Mode, 8)} in the archive"
            : !_traits.SquashesOwners && (status.stx_uid, status.stx_gid) != (expected.Owner, expected.Group) ? $"belongs to {status.stx_uid}:{status.stx_gid}, and to {expected.Owner}:{expected.Group} in the archive"
            : type == Kernel.S_IFREG && (long)status.stx_size != expected.Size ? $"has {status.stx_size} bytes, and {expected.Size} in the archive"
            : type is Kernel.S_IFCHR or Kernel.S_IFBLK && (status.stx_rdev_major, status.stx_rdev_minor) != (expected.Major, expected.Minor) ? "is another device"
            : status.stx_mtime.tv_sec != expected.Time ? "has another time"
            : type == Kernel.S_IFLNK && !ReadLink(there).AsSpan().SequenceEqual(expected.Target) ? "points elsewhere"
            : null;
        if (difference is not null)
        {
            throw Differs(path, difference);
        }

        foreach ((byte[] name, byte[] value) in expected.Xattrs)
        {
            if (!TreeWriter.IsOverlays(name) && type is Kernel.S_IFREG or Kernel.S_IFDIR && !HasXattr(there, name, value))
            {
                throw Differs(path, $"has not the attribute {PathText.Show(name.AsSpan(..^1))} that the archive gives it");
            }
        }
    }

    // Everything that is there has to come from somewhere.
    private void FindOthers()
    {
        HashSet<byte[]> more = new(_traits.Unsaid.Concat(_traits.Whiteouts), PathBytes.Comparer);
        Stack<byte[]> directories = new([[]]);
        while (directories.TryPop(out byte[]? path))
        {
            ByteBuffer name = new();
            name.Set(path);
            using PathHandle directory = new((int)Kernel.Check(_directories.OpenReal(name.Span), "open", PathText.Show(path)));
            foreach (byte[] entry in Tree.List(directory.Descriptor))
            {
                byte[] inner = path.Length == 0 ? entry[..^1] : [.. path, (byte)'/', .. entry.AsSpan(..^1)];
                if (!_expected.ContainsKey(inner) && !more.Contains(inner))
                {
                    throw Differs(inner, "is not in the archive");
                }

                Kernel.statx_t status;
                fixed (byte* bytes = entry)
                {
                    Kernel.Check(Kernel.statx(directory.Descriptor, bytes, Kernel.AT_SYMLINK_NOFOLLOW, Kernel.STATX_BASIC_STATS, &status), "stat", PathText.Show(inner));
                }

                if (status.Type == Kernel.S_IFDIR)
                {
                    directories.Push(inner);
                }
            }
        }
    }

    private bool AncestorWasReplaced(byte[] path)
    {
        for (int slash = path.AsSpan().LastIndexOf((byte)'/'); slash > 0; slash = path.AsSpan(0, slash).LastIndexOf((byte)'/'))
        {
            if (_expected.TryGetValue(path[..slash], out Expected? ancestor) && ancestor.Type != TarEntryType.Directory)
            {
                return true;
            }
        }

        return false;
    }

    // Without links on the way to it; null when a directory on the way is not there.
    private byte[]? RealPath(ByteBuffer path)
    {
        int slash = path.Span.LastIndexOf((byte)'/');
        try
        {
            if (!_directories.Open(slash < 0 ? [] : path.Span[..slash], _parent, create: false))
            {
                return null;
            }
        }
        catch (LayerException)
        {
            return null; // something else is in its place
        }

        ReadOnlySpan<byte> name = path.Span[(slash + 1)..];
        return _parent.Real.Length == 0 ? name.ToArray() : [.. _parent.Real.Span, (byte)'/', .. name];
    }

    private PathHandle? TryOpen(byte[] path)
    {
        fixed (byte* bytes = path.Length == 0 ? ".\0"u8.ToArray() : [.. path, 0])
        {
            int descriptor = Kernel.openat2(_directories.Root, bytes, Kernel.O_PATH | Kernel.O_NOFOLLOW, 0, Beneath);
            return (Errno)(-descriptor) is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP ? null : new PathHandle((int)Kernel.Check(descriptor, "open", PathText.Show(path)));
        }
    }

    private static bool HasWhiteout(ReadOnlySpan<byte> path) => path.StartsWith(Whiteouts.Prefix) || path.IndexOf("/.wh."u8) >= 0;

    private static byte[] ReadLink(PathHandle link)
    {
        byte* target = stackalloc byte[4096];
        byte empty = 0;
        return new ReadOnlySpan<byte>(target, (int)Kernel.Check(Kernel.readlinkat(link.Descriptor, &empty, target, 4096), "readlink")).ToArray();
    }

    // fgetxattr(2) takes no O_PATH descriptor; its path in /proc leads to the very file.
    private static bool HasXattr(PathHandle file, byte[] name, byte[] value)
    {
        byte[] there = new byte[value.Length + 64];
        fixed (byte* path = CString.Bytes($"/proc/self/fd/{file.Descriptor}"), nameBytes = name, bytes = there)
        {
            long length = Kernel.Call(SystemCall.getxattr, (long)path, (long)nameBytes, (long)bytes, there.Length);
            // Attributes that an ordinary user may not see or give (trusted.*, some of security.*) are nothing that could be compared.
            return length is -(long)Errno.ENODATA or -(long)Errno.EPERM ? MappedRoot.IsEntered && !name.AsSpan().StartsWith("user."u8) : length >= 0 && (there.AsSpan(0, (int)length).SequenceEqual(value) || name.AsSpan(..^1).SequenceEqual("security.capability"u8));
        }
    }

    private static LayerException Differs(byte[] path, string how) => new($"\"{(path.Length == 0 ? "/" : PathText.Show(path))}\" {how}.");
}
