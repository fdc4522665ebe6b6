using System.Text;
using Containers.Native;

namespace Containers.Images;

/// <summary>
/// The files of stacked overlay lower directories, as an overlay mount of them would show them, without mounting: whiteouts,
/// opaque directories and symbolic links are honoured, and no path leads out.
/// </summary>
/// <remarks>
/// A layer is never asked to follow a link. Components are opened one by one with openat2(2), RESOLVE_NO_SYMLINKS and
/// RESOLVE_BENEATH, and links are expanded here against the whole stack: a link in one layer often points into another.
/// </remarks>
internal sealed class LayerView : IDisposable
{
    /// <summary>As many links in one walk as the kernel follows (path_resolution(7)).</summary>
    private const int MaximumLinks = 40;

    private readonly PathHandle[] _layers;

    /// <param name="lowerDirectories">Topmost first.</param>
    public LayerView(IReadOnlyList<string> lowerDirectories)
    {
        _layers = new PathHandle[lowerDirectories.Count];
        try
        {
            for (int i = 0; i < _layers.Length; i++)
            {
                _layers[i] = PathHandle.OpenDirectory(lowerDirectories[i]);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (PathHandle? layer in _layers)
        {
            layer?.Dispose();
        }
    }

    /// <summary>The content of a regular file.</summary>
    /// <param name="path">A path in the image.</param>
    /// <param name="maximumSize">More bytes than this are refused.</param>
    /// <returns>Null when there is no regular file.</returns>
    public byte[]? TryReadFile(string path, int maximumSize)
    {
        using PathHandle? file = TryOpen(path);
        if (file is null || Stat(file).Type != Kernel.S_IFREG)
        {
            return null;
        }

        // Through /proc, so that what is opened is the very inode that was looked at and is no device.
        using FileStream stream = new($"/proc/self/fd/{file.Descriptor}", FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        if (stream.Length > maximumSize)
        {
            throw new ImageException($"{path} in the image has {stream.Length} bytes; {maximumSize} are the most that make sense.");
        }

        byte[] content = new byte[stream.Length];
        int length = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        return content[..length];
    }

    /// <summary>Whether a directory stands there in the merged tree, without following links, which overlayfs does not when it merges.</summary>
    public bool HasDirectory(ReadOnlySpan<byte> path) => MergedFrom(path) is not null;

    /// <summary>The layers that the directory at a path is merged from, topmost first; null when no directory is there. Links are not followed.</summary>
    public IReadOnlyList<int>? MergedFrom(ReadOnlySpan<byte> path)
    {
        Place place = Place.Root(_layers.Length);
        foreach (Range range in Split(path))
        {
            if (path[range].IsEmpty)
            {
                continue;
            }

            using PathHandle? found = Step(place, path[range], out Place? directory);
            if (directory is null)
            {
                return null;
            }

            place = directory;
        }

        return place.Layers;
    }

    /// <summary>Whether a directory or one that it is in hides those of the layers below. For a view of one layer.</summary>
    public bool HasOpaqueOnTheWay(byte[] path)
    {
        for (int end = 0; end <= path.Length; end++)
        {
            if ((end == path.Length || path[end] == '/') && end > 0 && IsOpaque(_layers[0], path[..end]))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The layers' roots, topmost first.</summary>
    public IReadOnlyList<PathHandle> Layers => _layers;

    /// <summary>The root of the merged tree.</summary>
    public Place Top => Place.Root(_layers.Length);

    /// <summary>The names in a directory of the merged tree.</summary>
    public IReadOnlyList<byte[]> List(Place place)
    {
        HashSet<byte[]> names = new(Containers.Layers.PathBytes.Comparer);
        foreach (int layer in place.Layers)
        {
            using PathHandle? directory = TryOpenBeneath(_layers[layer], place.Path.Length == 0 ? "."u8.ToArray() : place.Path[..^1], Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW);
            if (directory is not null)
            {
                names.UnionWith(Tree.List(directory.Descriptor).Select(name => name[..^1]));
            }
        }

        return [.. names.Where(IsThere)];

        bool IsThere(byte[] name)
        {
            using PathHandle? entry = Step(place, name, out _);
            return entry is not null;
        }
    }

    /// <summary>The path without links of what a path leads to, or would lead to if its last name were there; null when a directory on the way is not there.</summary>
    public byte[]? TryResolve(string path)
    {
        Stack<Place> walked = new([Place.Root(_layers.Length)]);
        Stack<byte[]> remaining = new();
        Push(remaining, Encoding.UTF8.GetBytes(path));
        int links = 0;
        while (remaining.TryPop(out byte[]? name))
        {
            if (name is [(byte)'.', (byte)'.'])
            {
                if (walked.Count > 1)
                {
                    walked.Pop();
                }

                continue;
            }

            using PathHandle? found = Step(walked.Peek(), name, out Place? directory);
            if (directory is not null)
            {
                walked.Push(directory);
            }
            else if (found is not null && Stat(found).Type == Kernel.S_IFLNK && ++links <= MaximumLinks)
            {
                byte[] target = ReadLink(found);
                if (target is [(byte)'/', ..])
                {
                    walked = new([Place.Root(_layers.Length)]);
                }

                Push(remaining, target);
            }
            else
            {
                return remaining.Count == 0 ? [.. walked.Peek().Path, .. name] : null;
            }
        }

        return walked.Peek().Path is [.. var inner, (byte)'/'] ? inner : [];
    }

    /// <summary>Opens with O_PATH what a path names, its links followed inside the image.</summary>
    private PathHandle? TryOpen(string path)
    {
        Stack<Place> walked = new([Place.Root(_layers.Length)]);
        Stack<byte[]> remaining = new();
        Push(remaining, Encoding.UTF8.GetBytes(path));
        int links = 0;
        while (remaining.TryPop(out byte[]? name))
        {
            if (name is [(byte)'.', (byte)'.'])
            {
                if (walked.Count > 1) // ".." of the root is the root
                {
                    walked.Pop();
                }

                continue;
            }

            PathHandle? found = Step(walked.Peek(), name, out Place? directory);
            if (found is null)
            {
                return null;
            }

            if (directory is not null)
            {
                walked.Push(directory);
                found.Dispose();
            }
            else if (Stat(found).Type == Kernel.S_IFLNK)
            {
                byte[] target = ReadLink(found);
                found.Dispose();
                if (++links > MaximumLinks)
                {
                    throw new KernelException("open in the image", path, Errno.ELOOP, "A symbolic link there leads to itself, or through too many others.");
                }

                if (target is [(byte)'/', ..])
                {
                    walked = new([Place.Root(_layers.Length)]);
                }

                Push(remaining, target);
            }
            else if (remaining.Count == 0)
            {
                return found;
            }
            else
            {
                found.Dispose(); // a file with something behind it
                return null;
            }
        }

        return null; // a directory
    }

    /// <summary>One name in one directory of the merged tree.</summary>
    /// <param name="directory">Set when it is a directory: which layers it is merged from.</param>
    /// <returns>The topmost layer's entry; null when there is none.</returns>
    public PathHandle? Step(Place place, ReadOnlySpan<byte> name, out Place? directory)
    {
        directory = null;
        byte[] path = [.. place.Path, .. name];
        PathHandle? found = null;
        List<int> merged = [];
        foreach (int layer in place.Layers)
        {
            PathHandle? entry = TryOpenBeneath(_layers[layer], path);
            if (entry is null)
            {
                continue;
            }

            Kernel.statx_t stat = Stat(entry);
            bool isDirectory = stat.Type == Kernel.S_IFDIR;
            bool isWhiteout = stat.Type == Kernel.S_IFCHR && stat is { stx_rdev_major: 0, stx_rdev_minor: 0 };
            if (found is null && !isWhiteout)
            {
                found = entry;
            }
            else
            {
                entry.Dispose();
            }

            if (!isDirectory)
            {
                break; // hides whatever the layers below have
            }

            merged.Add(layer);
            if (IsOpaque(_layers[layer], path))
            {
                break;
            }
        }

        if (merged.Count > 0)
        {
            directory = new Place([.. path, (byte)'/'], merged);
        }

        return found;
    }

    internal static unsafe PathHandle? TryOpenBeneath(PathHandle root, byte[] path, int flags = 0)
    {
        fixed (byte* bytes = (byte[])[.. path, 0])
        {
            int descriptor = Kernel.openat2(root.Descriptor, bytes, flags == 0 ? Kernel.O_PATH | Kernel.O_NOFOLLOW : flags, 0,
                Kernel.RESOLVE_BENEATH | Kernel.RESOLVE_NO_SYMLINKS | Kernel.RESOLVE_NO_MAGICLINKS);
            // With O_PATH | O_NOFOLLOW a link at the end is opened itself; ELOOP is one in the middle, put there meanwhile.
            return (Errno)(-descriptor) is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP or Errno.ENAMETOOLONG
                ? null
                : new PathHandle((int)Kernel.Check(descriptor, "open in the image", Encoding.UTF8.GetString(path)));
        }
    }

    /// <summary>Whether a directory hides the ones below it. fgetxattr(2) wants a descriptor that is not O_PATH.</summary>
    private static unsafe bool IsOpaque(PathHandle layer, byte[] path)
    {
        using PathHandle? directory = TryOpenBeneath(layer, path, Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW);
        if (directory is null)
        {
            return false;
        }

        byte value;
        fixed (byte* trusted = "trusted.overlay.opaque\0"u8, user = "user.overlay.opaque\0"u8)
        {
            return (Kernel.fgetxattr(directory.Descriptor, trusted, &value, 1) == 1 && value == 'y')
                || (Kernel.fgetxattr(directory.Descriptor, user, &value, 1) == 1 && value == 'y');
        }
    }

    internal static unsafe byte[] ReadLink(PathHandle link)
    {
        byte* target = stackalloc byte[4096]; // PATH_MAX: symlink(2) takes no more
        byte empty = 0;
        long length = Kernel.Check(Kernel.readlinkat(link.Descriptor, &empty, target, 4096), "readlink");
        return new ReadOnlySpan<byte>(target, (int)length).ToArray();
    }

    private static unsafe Kernel.statx_t Stat(PathHandle handle)
    {
        Kernel.statx_t stat;
        byte empty = 0;
        Kernel.Check(Kernel.statx(handle.Descriptor, &empty, Kernel.AT_EMPTY_PATH, Kernel.STATX_BASIC_STATS, &stat), "statx");
        return stat;
    }

    private static void Push(Stack<byte[]> remaining, byte[] path)
    {
        List<Range> ranges = Split(path);
        for (int i = ranges.Count - 1; i >= 0; i--)
        {
            byte[] name = path[ranges[i]];
            if (name is not ([] or [(byte)'.']))
            {
                remaining.Push(name);
            }
        }
    }

    private static List<Range> Split(ReadOnlySpan<byte> path)
    {
        List<Range> ranges = [];
        foreach (Range range in path.Split((byte)'/'))
        {
            ranges.Add(range);
        }

        return ranges;
    }

    /// <summary>A directory of the merged tree: its path with a slash at the end, and the layers that it is merged from.</summary>
    internal sealed record Place(byte[] Path, IReadOnlyList<int> Layers)
    {
        public static Place Root(int layers) => new([], [.. Enumerable.Range(0, layers)]);
    }
}
