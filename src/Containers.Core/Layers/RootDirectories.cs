using Containers.Native;

namespace Containers.Layers;

/// <summary>
/// Directories below a root whose content nobody trusts, opened so that no link and no ".." leads out of it. The kernel
/// walks only paths without links (openat2(2), RESOLVE_NO_SYMLINKS and RESOLVE_BENEATH, Linux 5.6+); where there is a link
/// it is followed here, name by name, as if the root were "/". So every directory is known by the one path that has no
/// links, and missing ones can be made even behind a link that leads nowhere yet.
/// </summary>
internal sealed unsafe class RootDirectories : IDisposable
{
    private const int MostLinks = 40; // as the kernel's MAXSYMLINKS
    private const ulong NoLinks = Kernel.RESOLVE_BENEATH | Kernel.RESOLVE_NO_SYMLINKS;
    private readonly byte[] _link = new byte[4096];
    private readonly List<RootDirectory> _open = [];

    public RootDirectories(string path)
    {
        Path = path;
        fixed (byte* bytes = CString.Bytes(path))
        {
            Root = (int)Kernel.Check(Kernel.openat(Kernel.AT_FDCWD, bytes, Kernel.O_RDONLY | Kernel.O_DIRECTORY), "open", path);
        }
    }

    public string Path { get; }

    /// <summary>The root's descriptor.</summary>
    public int Root { get; }

    /// <summary>A place to keep one open directory between calls.</summary>
    public RootDirectory NewPlace()
    {
        RootDirectory place = new();
        _open.Add(place);
        return place;
    }

    /// <summary>Forgets what is open: a name was taken away, so a path may lead elsewhere now. A name that is added changes no path that led somewhere.</summary>
    public void Invalidate()
    {
        foreach (RootDirectory place in _open)
        {
            place.Close();
        }
    }

    /// <summary>Opens the directory that a path, as <see cref="PathText.Normalize"/> leaves it, leads to. False when it is not there and is not to be made.</summary>
    /// <exception cref="LayerException">Something on the way is no directory, or links go in a circle.</exception>
    public bool Open(ReadOnlySpan<byte> path, RootDirectory place, bool create)
    {
        if (place.IsOpen && place.Asked.Span.SequenceEqual(path))
        {
            return true;
        }

        place.Close();
        place.Asked.Set(path);
        int descriptor = OpenWithoutLinks(path.IsEmpty ? "."u8 : place.Asked.Span, Kernel.O_PATH);
        if (descriptor >= 0)
        {
            place.Real.Set(path);
            place.Set(descriptor);
            return true;
        }

        return descriptor switch
        {
            -(int)Errno.ENOENT or -(int)Errno.ENOTDIR or -(int)Errno.ELOOP => Walk(place, create),
            _ => throw new KernelException("open in the root", PathText.Show(path), (Errno)(-descriptor)),
        };
    }

    /// <summary>Opens a directory to read or to change it, by a path without links.</summary>
    /// <returns>The descriptor or -errno.</returns>
    public int OpenReal(ReadOnlySpan<byte> path) => OpenWithoutLinks(path.IsEmpty ? "."u8 : path, Kernel.O_RDONLY);

    // The path has a NUL behind it in memory.
    private int OpenWithoutLinks(ReadOnlySpan<byte> path, int flags)
    {
        fixed (byte* bytes = path)
        {
            return Kernel.openat2(Root, bytes, flags | Kernel.O_DIRECTORY, 0, NoLinks);
        }
    }

    private bool Walk(RootDirectory place, bool create)
    {
        ByteBuffer real = place.Real;
        real.Clear();
        List<byte[]> rest = []; // names still to go, the next one last
        Push(rest, place.Asked.Span);
        int links = 0;
        int current = Dup(Root);
        try
        {
            while (rest.Count > 0)
            {
                byte[] name = rest[^1];
                rest.RemoveAt(rest.Count - 1);
                if (name is [(byte)'.', (byte)'.', 0])
                {
                    real.Truncate(Math.Max(real.Span.LastIndexOf((byte)'/'), 0));
                    Replace(ref current, Checked(OpenReal(real.Length == 0 ? "."u8 : real.Span), place));
                    continue;
                }

                int next = OpenOrCreate(current, name, create);
                if (next >= 0)
                {
                    Replace(ref current, next);
                    if (real.Length > 0)
                    {
                        real.Append((byte)'/');
                    }

                    real.Append(name.AsSpan(..^1));
                }
                else if (next == -(int)Errno.ENOENT)
                {
                    return false;
                }
                else if (next is not (-(int)Errno.ENOTDIR or -(int)Errno.ELOOP))
                {
                    Checked(next, place);
                }
                else
                {
                    if (++links > MostLinks)
                    {
                        throw new LayerException($"The path \"{PathText.Show(place.Asked.Span)}\" goes through too many symbolic links.");
                    }

                    if (ReadLink(current, name, place) is [(byte)'/', ..] target)
                    {
                        real.Clear();
                        Replace(ref current, Dup(Root));
                        Push(rest, target);
                    }
                    else
                    {
                        Push(rest, _link.AsSpan(0, _linkLength));
                    }
                }
            }

            place.Set(current);
            current = -1;
            return true;
        }
        finally
        {
            if (current >= 0)
            {
                _ = Kernel.close(current);
            }
        }
    }

    private int _linkLength;

    private ReadOnlySpan<byte> ReadLink(int directory, byte[] name, RootDirectory place)
    {
        fixed (byte* bytes = name, link = _link)
        {
            long length = Kernel.readlinkat(directory, bytes, link, (nuint)_link.Length);
            _linkLength = (int)length;
            return length >= 0 ? _link.AsSpan(0, _linkLength)
                : throw new LayerException($"The path \"{PathText.Show(place.Asked.Span)}\" goes through \"{PathText.Show(name.AsSpan(..^1))}\", which is no directory.");
        }
    }

    private static int OpenOrCreate(int directory, byte[] name, bool create)
    {
        fixed (byte* bytes = name)
        {
            int flags = Kernel.O_PATH | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW;
            int descriptor = Kernel.openat(directory, bytes, flags);
            if (descriptor == -(int)Errno.ENOENT && create)
            {
                int made = Kernel.mkdirat(directory, bytes, 0x1ed); // 0755
                descriptor = made < 0 ? made : Kernel.openat(directory, bytes, flags);
            }

            return descriptor;
        }
    }

    private static int Dup(int descriptor) => (int)Kernel.Check(Kernel.fcntl(descriptor, Kernel.F_DUPFD_CLOEXEC, 0), "dup");

    private static int Checked(int result, RootDirectory place)
        => (int)Kernel.Check(result, "open in the root", result < 0 ? PathText.Show(place.Asked.Span) : null);

    private static void Replace(ref int descriptor, int other)
    {
        _ = Kernel.close(descriptor);
        descriptor = other;
    }

    private static void Push(List<byte[]> rest, ReadOnlySpan<byte> path)
    {
        int at = rest.Count;
        foreach (Range range in path.Split((byte)'/'))
        {
            ReadOnlySpan<byte> name = path[range];
            if (!name.IsEmpty && !name.SequenceEqual("."u8))
            {
                rest.Insert(at, [.. name, 0]);
            }
        }
    }

    public void Dispose()
    {
        Invalidate();
        _ = Kernel.close(Root);
    }
}

/// <summary>An open directory below a root, and the two ways to name it.</summary>
internal sealed class RootDirectory
{
    /// <summary>The path it was asked for by.</summary>
    public ByteBuffer Asked { get; } = new();

    /// <summary>The path that leads to it through no link; empty for the root.</summary>
    public ByteBuffer Real { get; } = new();

    /// <summary>An O_PATH descriptor: what names are resolved against.</summary>
    public int Descriptor { get; private set; } = -1;

    public bool IsOpen => Descriptor >= 0;

    public void Set(int descriptor) => Descriptor = descriptor;

    public void Close()
    {
        if (IsOpen)
        {
            _ = Kernel.close(Descriptor);
            Descriptor = -1;
        }
    }
}
