using Containers.Images;
using Containers.Layers;
using Containers.Native;

namespace Containers.Changes;

/// <summary>A change, as it lies in the tree of changes.</summary>
/// <param name="Path">Without a slash at the beginning; the root is empty.</param>
/// <param name="Kind">What became of it.</param>
/// <param name="IsOpaque">Whether it is a directory in which nothing of the layers below is left.</param>
internal sealed record FoundChange(byte[] Path, ContainerChangeKind Kind, bool IsOpaque = false);

/// <summary>
/// Compares a tree of changes with the layers below. An overlay copies a file up when it is opened to be written, whether it is
/// written or not: what is the same in type, mode, owner, modification time, size, link target, device number, attributes and content is
/// no change. A directory is the same when its mode, owner and attributes are: its time changes with its entries, which are told themselves.
/// </summary>
/// <remarks>In a copied root contents are not compared: a file whose size and modification time are those of the original is taken for the same.</remarks>
internal sealed class ChangeFinder(ChangedRoot root, CancellationToken cancellation)
{
    private readonly List<FoundChange> _found = [];
    private readonly HashSet<byte[]> _places = new(PathBytes.Comparer); // that stand where nothing was

    /// <summary>All changes, sorted by their paths, each after the directory that it is in.</summary>
    public IReadOnlyList<FoundChange> Find()
    {
        Stack<(byte[] Path, LayerView.Place? Below)> directories = new([([], root.Below.Top)]);
        using (TreeNode? top = TreeNode.TryOpen(root.Upper, []))
        using (TreeNode? below = OpenBelow([]))
        {
            if (top is not null && below is not null && !IsSameDirectory(top, below))
            {
                _found.Add(new FoundChange([], ContainerChangeKind.Changed));
            }
        }

        while (directories.TryPop(out (byte[] Path, LayerView.Place? Below) directory))
        {
            cancellation.ThrowIfCancellationRequested();
            using TreeNode? node = TreeNode.TryOpen(root.Upper, directory.Path);
            if (node is null || node.Status.Type != Kernel.S_IFDIR)
            {
                continue; // removed meanwhile
            }

            List<byte[]> names;
            using (PathHandle open = node.Open())
            {
                names = Tree.List(open.Descriptor);
            }

            foreach (byte[] name in names)
            {
                Visit(directory.Path, name.AsSpan(..^1), directory.Below, directories);
            }

            if (root.IsWhole && directory.Below is not null)
            {
                FindRemoved(directory.Path, directory.Below, names);
            }
        }

        DropDirectoriesOfPlaces();
        _found.Sort((a, b) => Compare(a.Path, b.Path));
        return _found;
    }

    /// <summary>Orders paths so that a directory comes before all that is in it, and that before its next sibling.</summary>
    public static int Compare(byte[] a, byte[] b)
    {
        int common = a.AsSpan().CommonPrefixLength(b);
        return (common == a.Length ? -1 : a[common] == '/' ? 0 : a[common]) - (common == b.Length ? -1 : b[common] == '/' ? 0 : b[common]);
    }

    private void Visit(byte[] directory, ReadOnlySpan<byte> name, LayerView.Place? place, Stack<(byte[], LayerView.Place?)> directories)
    {
        if (root.IsFuse && name.StartsWith(Whiteouts.Prefix))
        {
            VisitMark(directory, name, place);
            return;
        }

        byte[] path = Inner(directory, name);
        using TreeNode? node = TreeNode.TryOpen(root.Upper, path);
        if (node is null)
        {
            return;
        }

        LayerView.Place? innerPlace = null;
        using PathHandle? below = place is null ? null : root.Below.Step(place, name, out innerPlace);
        using TreeNode? old = below is null ? null : new TreeNode(below, path);
        if (node.IsWhiteout)
        {
            if (old is not null)
            {
                _found.Add(new FoundChange(path, ContainerChangeKind.Removed));
            }

            return;
        }

        if (node.ReadOverlayAttribute("redirect") is not null || node.ReadOverlayAttribute("metacopy") is not null)
        {
            throw new ContainerException($"What the container did to \"/{PathText.Show(path)}\" cannot be told: its overlay wrote down that it was moved or changed, and not what it has (redirect_dir or metacopy).",
                "The module's parameters redirect_dir and metacopy (/sys/module/overlay/parameters) are off on most hosts.");
        }

        if (node.Status.Type != Kernel.S_IFDIR)
        {
            if (!IsPlace(node, path, old) && (old is null || !IsSame(node, old)))
            {
                _found.Add(new FoundChange(path, old is null ? ContainerChangeKind.Added : ContainerChangeKind.Changed));
            }

            return;
        }

        bool isOpaque = !root.IsWhole && (node.ReadOverlayAttribute("opaque") is [(byte)'y'] || (root.IsFuse && HasMark(path)));
        bool wasDirectory = old?.Status.Type == Kernel.S_IFDIR;
        if (old is null && root.Places.Contains(path))
        {
            _places.Add(path);
            _found.Add(new FoundChange(path, ContainerChangeKind.Added)); // unless nothing else is in it, which is looked at last
        }
        else if (old is null || !wasDirectory || isOpaque || !IsSameDirectory(node, old))
        {
            _found.Add(new FoundChange(path, old is null ? ContainerChangeKind.Added : ContainerChangeKind.Changed, isOpaque && wasDirectory));
        }

        if (isOpaque && wasDirectory)
        {
            using PathHandle open = node.Open();
            FindRemoved(path, innerPlace!, Tree.List(open.Descriptor));
        }

        directories.Push((path, isOpaque || !wasDirectory ? null : innerPlace));
    }

    // fuse-overlayfs writes as archives do, beside attributes or where it may make no devices: ".wh.NAME" for what was removed.
    private void VisitMark(byte[] directory, ReadOnlySpan<byte> mark, LayerView.Place? place)
    {
        ReadOnlySpan<byte> name = mark[Whiteouts.Prefix.Length..];
        using PathHandle? below = mark.SequenceEqual(Whiteouts.Opaque) || place is null ? null : root.Below.Step(place, name, out _);
        if (below is not null)
        {
            _found.Add(new FoundChange(Inner(directory, name), ContainerChangeKind.Removed));
        }
    }

    private bool HasMark(byte[] directory)
    {
        using TreeNode? mark = TreeNode.TryOpen(root.Upper, Inner(directory, Whiteouts.Opaque));
        return mark is not null;
    }

    private static byte[] Inner(byte[] directory, ReadOnlySpan<byte> name) => directory.Length == 0 ? name.ToArray() : [.. directory, (byte)'/', .. name];

    private void FindRemoved(byte[] path, LayerView.Place below, List<byte[]> names)
    {
        HashSet<byte[]> there = new(names.Select(name => name[..^1]), PathBytes.Comparer);
        foreach (byte[] name in root.Below.List(below))
        {
            if (!there.Contains(name))
            {
                _found.Add(new FoundChange(Inner(path, name), ContainerChangeKind.Removed));
            }
        }
    }

    // An empty file that something was mounted on, made there or put there instead of a link.
    private bool IsPlace(TreeNode node, byte[] path, TreeNode? old)
    {
        bool isPlace = node.Status is { Type: Kernel.S_IFREG, stx_size: 0 } && (old is null || old.Status.Type == Kernel.S_IFLNK) && root.Places.Contains(path);
        if (isPlace)
        {
            _places.Add(path);
        }

        return isPlace;
    }

    // What was made only so that something could be mounted there, and the directories made on the way to it.
    private void DropDirectoriesOfPlaces()
    {
        foreach (byte[] place in _places)
        {
            for (byte[] path = place; path.Length > 0; path = path[..Math.Max(path.AsSpan().LastIndexOf((byte)'/'), 0)])
            {
                byte[] prefix = [.. path, (byte)'/'];
                if (_found.Exists(change => change.Path.AsSpan().StartsWith(prefix)))
                {
                    break;
                }

                if (_found.RemoveAll(change => change.Kind == ContainerChangeKind.Added && change.Path.AsSpan().SequenceEqual(path)) == 0 && !path.AsSpan().SequenceEqual(place))
                {
                    break;
                }
            }
        }
    }

    private TreeNode? OpenBelow(byte[] path)
    {
        foreach (PathHandle layer in root.Below.Layers)
        {
            if (TreeNode.TryOpen(layer, path) is { } node)
            {
                return node;
            }
        }

        return null;
    }

    private bool IsSameDirectory(TreeNode node, TreeNode old)
        => (node.Status.stx_mode & 0xfff) == (old.Status.stx_mode & 0xfff) && (node.Path.Length == 0 || root.OwnerOf(node) == (old.Status.stx_uid, old.Status.stx_gid)) && HasSameAttributes(node, old);

    private bool IsSame(TreeNode node, TreeNode old)
    {
        Kernel.statx_t a = node.Status, b = old.Status;
        bool isSame = a.Type == b.Type && (a.stx_mode & 0xfff) == (b.stx_mode & 0xfff) && root.OwnerOf(node) == (b.stx_uid, b.stx_gid)
            && a.stx_mtime.tv_sec == b.stx_mtime.tv_sec && a.stx_mtime.tv_nsec == b.stx_mtime.tv_nsec
            && a.stx_size == b.stx_size && (a.stx_rdev_major, a.stx_rdev_minor) == (b.stx_rdev_major, b.stx_rdev_minor);
        return isSame && HasSameAttributes(node, old) && a.Type switch
        {
            Kernel.S_IFLNK => node.ReadLink().AsSpan().SequenceEqual(old.ReadLink()),
            Kernel.S_IFREG => root.IsWhole || HasSameContent(node, old),
            _ => true,
        };
    }

    private static bool HasSameAttributes(TreeNode node, TreeNode old)
    {
        SortedDictionary<string, byte[]> a = node.ReadAttributes(), b = old.ReadAttributes();
        return a.Count == b.Count && a.All(attribute => b.TryGetValue(attribute.Key, out byte[]? value) && value.AsSpan().SequenceEqual(attribute.Value));
    }

    private static unsafe bool HasSameContent(TreeNode node, TreeNode old)
    {
        using PathHandle a = node.Open(), b = old.Open();
        byte[] left = new byte[64 << 10], right = new byte[64 << 10];
        while (true)
        {
            int count = ReadFull(a, left, node), other = ReadFull(b, right, old);
            if (count != other || !left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, other)))
            {
                return false;
            }

            if (count == 0)
            {
                return true;
            }
        }
    }

    private static unsafe int ReadFull(PathHandle file, byte[] buffer, TreeNode node)
    {
        int total = 0;
        fixed (byte* bytes = buffer)
        {
            for (long count; total < buffer.Length && (count = Kernel.Check(Kernel.read(file.Descriptor, bytes + total, (nuint)(buffer.Length - total)), "read", PathText.Show(node.Path))) > 0;)
            {
                total += (int)count;
            }
        }

        return total;
    }
}
