using Containers.Layers.Recipes;
using Containers.Native;

namespace Containers.Layers;

/// <summary>
/// Makes what an archive names, below a root where nothing is trusted: a parent is found by <see cref="RootDirectories"/>,
/// and the last name is created anew, never opened and never followed. In each file: create, owner, mode, attributes,
/// times, because a chown clears setuid bits and capabilities. Directories get theirs at the end, in <see cref="Finish"/>.
/// </summary>
internal sealed unsafe partial class TreeWriter : IDisposable
{
    private readonly RootDirectories _directories;
    private readonly RootDirectory _parent;
    private readonly RootDirectory _source; // of a hard link
    private readonly DirectoryLedger _ledger = new();
    private readonly TarReader _reader;
    private readonly TarEntry _entry;
    private readonly ByteBuffer _path = new();
    private readonly ByteBuffer _target = new();
    private readonly ByteBuffer _real = new();
    private readonly Whiteouts? _whiteouts;
    private readonly CreationDefaults _defaults = new();
    private readonly UnpackLimits _limits;

    private readonly RecipeWriter? _recipe;

    public TreeWriter(string directory, TarReader reader, LayerUnpackOptions options, RecipeWriter? recipe = null)
    {
        _recipe = recipe;
        _directories = new RootDirectories(directory);
        _parent = _directories.NewPlace();
        _source = _directories.NewPlace();
        _reader = reader;
        _entry = reader.Entry;
        _limits = options.Limits;
        _whiteouts = options.ConvertWhiteouts ? new Whiteouts(_directories, options.DropWhiteouts) : null;
    }

    /// <summary>Makes the reader's entry.</summary>
    public void Add()
    {
        if (PathText.Normalize(_entry.Path.Span, _path) is { } wrong)
        {
            throw _reader.Error(wrong);
        }

        if (_path.Length == 0)
        {
            AddRoot();
            return;
        }

        if (_whiteouts is not null && _whiteouts.Take(_path.Span, _reader))
        {
            return;
        }

        int slash = _path.Span.LastIndexOf((byte)'/');
        try
        {
            _directories.Open(slash < 0 ? [] : _path.Span[..slash], _parent, create: true);
        }
        catch (LayerException exception)
        {
            throw _reader.Error("cannot be placed. " + exception.Message.TrimEnd('.'));
        }

        // Of where it comes to lie: links lead deeper than any name is long.
        if (_parent.Real.Length > 0 && _parent.Real.Span.Count((byte)'/') + 2 > _limits.MaximumDepth)
        {
            throw _reader.Error($"lies deeper than {_limits.MaximumDepth} directories", UnpackLimits.Hint);
        }

        fixed (byte* path = _path)
        {
            Add(path + slash + 1);
        }
    }

    /// <summary>Directories that are there without an entry of their own; complete after <see cref="Finish"/>.</summary>
    public IReadOnlyList<byte[]> ImplicitDirectories => [.. _directories.Made.Prepend([]).Where(path => !_ledger.Has(path)).Distinct(PathBytes.Comparer)];

    /// <summary>Device nodes that were not made, as paths in the archive.</summary>
    public List<byte[]> MissingDevices { get; } = [];

    /// <summary>Whiteouts, then what directories were said to be: their times must be set when nothing changes in them any more.</summary>
    /// <returns>The whiteouts that were made.</returns>
    public IReadOnlyList<byte[]> Finish()
    {
        IReadOnlyList<byte[]> made = _whiteouts?.Make(_parent) ?? [];
        _ledger.Apply(_directories);
        if (!_ledger.Has([]))
        {
            // Of the root that nothing is said of, the time is not when it happened to be unpacked: the same layer is the same tree. umoci does so, too.
            Kernel.timespec* times = stackalloc Kernel.timespec[2];
            Check("set the times of", Kernel.utimensat(_directories.Root, null, times, 0));
        }

        return made;
    }

    private void AddRoot()
    {
        if (_entry.Type != TarEntryType.Directory)
        {
            throw _reader.Error("is the root itself and no directory");
        }

        _ledger.Record([], _entry, asCreated: false);
    }

    private void Add(byte* name)
    {
        switch (_entry.Type)
        {
            case TarEntryType.File:
                AddFile(name);
                break;
            case TarEntryType.Directory:
                AddDirectory(name);
                break;
            case TarEntryType.HardLink:
                AddHardLink(name);
                break;
            default:
                AddSpecial(name);
                break;
        }
    }

    private void AddDirectory(byte* name)
    {
        // Others get nothing before the owner is right, and the unpacking process must get in.
        bool plain = _defaults.OwnerIsKept(_entry) && _defaults.AreKept(_entry) && (_entry.Mode & 0x1c0) == 0x1c0;
        uint mode = plain ? _entry.Mode : 0x1c0;
        int made = Kernel.mkdirat(_parent.Descriptor, name, mode);
        if (made == -(int)Errno.EEXIST && TypeOf(_parent.Descriptor, name, out _) != Kernel.S_IFDIR)
        {
            Remove(name);
            made = Kernel.mkdirat(_parent.Descriptor, name, mode);
        }

        if (made < 0 && made != -(int)Errno.EEXIST)
        {
            throw Failed("mkdir", made);
        }

        _ledger.Record(RealPath(_path.Span[(_path.Span.LastIndexOf((byte)'/') + 1)..]), _entry, plain && made == 0);
    }

    private void AddHardLink(byte* name)
    {
        if (PathText.Normalize(_entry.Target.Span, _target) is { } wrong)
        {
            throw _reader.Error($"is a hard link to \"{PathText.Show(_entry.Target.Span)}\", which {wrong}");
        }

        int slash = _target.Span.LastIndexOf((byte)'/');
        bool found;
        try
        {
            found = _target.Length > 0 && _directories.Open(slash < 0 ? [] : _target.Span[..slash], _source, create: false);
        }
        catch (LayerException exception)
        {
            throw _reader.Error("is a hard link that cannot be made. " + exception.Message.TrimEnd('.'));
        }

        fixed (byte* path = _target)
        {
            byte* target = path + slash + 1;
            int made = found ? Link(target, name) : -(int)Errno.ENOENT;
            if (made == -(int)Errno.EEXIST)
            {
                // The same file already: nothing to do, and removing it first would lose it.
                _ = TypeOf(_parent.Descriptor, name, out Kernel.statx_t old);
                if (TypeOf(_source.Descriptor, target, out Kernel.statx_t other) != 0 && old.stx_ino == other.stx_ino)
                {
                    return;
                }

                Remove(name);
                made = _source.IsOpen || _directories.Open(slash < 0 ? [] : _target.Span[..slash], _source, create: false)
                    ? Link(target, name) : -(int)Errno.ENOENT;
            }

            if (made == -(int)Errno.EPERM && TypeOf(_source.Descriptor, target, out _) == Kernel.S_IFDIR)
            {
                throw _reader.Error($"is a hard link to \"{PathText.Show(_target.Span)}\", which is a directory");
            }

            if (made == -(int)Errno.ENOENT)
            {
                throw _reader.Error($"is a hard link to \"{PathText.Show(_target.Span)}\", which is not in this layer before it");
            }

            if (made < 0)
            {
                throw Failed($"link \"{PathText.Show(_target.Span)}\" to", made);
            }
        }
    }

    // No AT_SYMLINK_FOLLOW: a hard link to a symbolic link is another name of the link.
    private int Link(byte* target, byte* name) => Kernel.linkat(_source.Descriptor, target, _parent.Descriptor, name, 0);

    /// <summary>Takes away what has the name; what stands later in an archive wins.</summary>
    private void Remove(byte* name)
    {
        if (!PutAside(name))
        {
            RemoveForGood(name);
        }

        // The parent itself is still where it was.
        _source.Close();
        int slash = _path.Span.LastIndexOf((byte)'/');
        _directories.Invalidate();
        _directories.Open(slash < 0 ? [] : _path.Span[..slash], _parent, create: true);
    }

    // What the recipe needs of it is kept. False: the name is still there.
    private bool PutAside(byte* name)
    {
        if (_recipe is null)
        {
            return false;
        }

        ReadOnlySpan<byte> path = RealPath(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name));
        switch (TypeOf(_parent.Descriptor, name, out _))
        {
            case Kernel.S_IFREG:
                return _recipe.Contents.PutAside(_parent.Descriptor, name, path);
            case Kernel.S_IFDIR:
                _recipe.Contents.PutDirectoryAside(_parent.Descriptor, name, path);
                return false;
            default:
                return false;
        }
    }

    private void RemoveForGood(byte* name)
    {
        int result = Kernel.unlinkat(_parent.Descriptor, name, 0);
        if (result == -(int)Errno.EISDIR)
        {
            result = Tree.Remove(_parent.Descriptor, name);
        }

        if (result < 0)
        {
            throw Failed("remove, to replace it,", result);
        }
    }

    // 0 when nothing is there.
    private static uint TypeOf(int directory, byte* name, out Kernel.statx_t status)
    {
        fixed (Kernel.statx_t* result = &status)
        {
            *result = default;
            return Kernel.statx(directory, name, Kernel.AT_SYMLINK_NOFOLLOW, Kernel.STATX_BASIC_STATS, result) < 0 ? 0 : result->Type;
        }
    }

    private ReadOnlySpan<byte> RealPath(ReadOnlySpan<byte> name)
    {
        _real.Set(_parent.Real.Span);
        if (_real.Length > 0)
        {
            _real.Append((byte)'/');
        }

        _real.Append(name);
        return _real.Span;
    }

    private KernelException Failed(string operation, long result) => new(operation, PathText.Show(_path.Span), (Errno)(-result), Hint((Errno)(-result)));

    internal static string? Hint(Errno errno) => errno switch
    {
        Errno.ENOSPC => "The file system that layers are unpacked to is full, or out of inodes.",
        Errno.EDQUOT => "The quota for layers is used up.",
        Errno.EINVAL or Errno.EPERM when MappedRoot.IsEntered => UserNamespaces.SubordinateTrees.Hint,
        Errno.EPERM => "Unpacking owners, devices and attributes needs root.",
        _ => null,
    };

    public void Dispose() => _directories.Dispose();
}
