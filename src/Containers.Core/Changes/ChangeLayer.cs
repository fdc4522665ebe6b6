using Containers.Layers;
using Containers.Native;

namespace Containers.Changes;

/// <summary>Writes changes as a layer's tar (OCI image spec, layer.md): what was removed as whiteouts, and with each entry the directories that it is in.</summary>
internal sealed class ChangeLayer(ChangedRoot root, Stream output)
{
    private readonly TarOutput _tar = new(output);
    private readonly HashSet<byte[]> _directories = new(PathBytes.Comparer);
    private readonly Dictionary<(uint, uint, ulong), byte[]> _links = [];

    /// <summary>Writes all of it.</summary>
    /// <param name="changes">Sorted as <see cref="ChangeFinder"/> sorts them.</param>
    /// <param name="cancellation">Ends it.</param>
    public void Write(IReadOnlyList<FoundChange> changes, CancellationToken cancellation)
    {
        // The root, too: who is told nothing of it makes it up.
        using (TreeNode? top = TreeNode.TryOpen(root.Upper, []))
        {
            AddDirectory(top ?? throw Changed([]));
        }

        foreach (FoundChange change in changes)
        {
            cancellation.ThrowIfCancellationRequested();
            AddDirectories(change.Path);
            if (change.Kind == ContainerChangeKind.Removed)
            {
                int name = change.Path.AsSpan().LastIndexOf((byte)'/') + 1;
                AddMark([.. change.Path.AsSpan(0, name), .. Whiteouts.Prefix, .. change.Path.AsSpan(name)]);
                continue;
            }

            using TreeNode? node = TreeNode.TryOpen(root.Upper, change.Path);
            if (node is null)
            {
                throw Changed(change.Path);
            }

            if (node.Status.Type == Kernel.S_IFDIR)
            {
                AddDirectory(node);
                if (change.IsOpaque)
                {
                    AddMark([.. change.Path, (byte)'/', .. Whiteouts.Opaque]);
                }
            }
            else
            {
                AddOther(node);
            }
        }

        _tar.Finish();
    }

    // Directories on the way, as they are: who unpacks a layer alone would make them up.
    private void AddDirectories(byte[] path)
    {
        for (int slash = path.AsSpan().IndexOf((byte)'/'); slash > 0; slash = Array.IndexOf(path, (byte)'/', slash + 1))
        {
            byte[] parent = path[..slash];
            if (!_directories.Contains(parent))
            {
                using TreeNode? node = TreeNode.TryOpen(root.Upper, parent);
                AddDirectory(node ?? throw Changed(parent));
            }
        }
    }

    private void AddDirectory(TreeNode node)
    {
        if (_directories.Add(node.Path))
        {
            _tar.Write(Entry(node, TarOutput.Directory, node.Path.Length == 0 ? "."u8.ToArray() : node.Path));
        }
    }

    private void AddMark(byte[] path) => _tar.Write(new TarOutputEntry(path, TarOutput.File));

    private void AddOther(TreeNode node)
    {
        Kernel.statx_t status = node.Status;
        if (status.Type == Kernel.S_IFSOCK)
        {
            return; // whoever listened on it is not in the image
        }

        if (status.stx_nlink > 1 && !_links.TryAdd((status.stx_dev_major, status.stx_dev_minor, status.stx_ino), node.Path))
        {
            _tar.Write(Entry(node, TarOutput.HardLink, node.Path) with { Target = _links[(status.stx_dev_major, status.stx_dev_minor, status.stx_ino)], Attributes = new SortedDictionary<string, byte[]>() });
            return;
        }

        switch (status.Type)
        {
            case Kernel.S_IFREG:
                TarOutputEntry file = Entry(node, TarOutput.File, node.Path) with { Size = (long)status.stx_size };
                _tar.Write(file);
                Copy(node, file.Size);
                _tar.Pad(file.Size);
                break;
            case Kernel.S_IFLNK:
                _tar.Write(Entry(node, TarOutput.SymbolicLink, node.Path) with { Target = node.ReadLink() });
                break;
            case Kernel.S_IFCHR or Kernel.S_IFBLK:
                _tar.Write(Entry(node, status.Type == Kernel.S_IFCHR ? TarOutput.CharacterDevice : TarOutput.BlockDevice, node.Path) with { Device = (status.stx_rdev_major, status.stx_rdev_minor) });
                break;
            default:
                _tar.Write(Entry(node, TarOutput.Fifo, node.Path));
                break;
        }
    }

    private TarOutputEntry Entry(TreeNode node, char type, byte[] path)
    {
        (uint user, uint group) = root.OwnerOf(node);
        return new TarOutputEntry(path, type) { Mode = node.Status.stx_mode, Owner = user, Group = group, Modified = node.Status.stx_mtime, Attributes = node.ReadAttributes() };
    }

    private unsafe void Copy(TreeNode node, long size)
    {
        using PathHandle file = node.Open();
        byte[] buffer = new byte[128 << 10];
        long left = size;
        fixed (byte* bytes = buffer)
        {
            while (left > 0)
            {
                long count = Kernel.Check(Kernel.read(file.Descriptor, bytes, (nuint)Math.Min(buffer.Length, left)), "read", PathText.Show(node.Path));
                if (count == 0)
                {
                    throw Changed(node.Path);
                }

                output.Write(buffer, 0, (int)count);
                left -= count;
            }
        }
    }

    private static ContainerException Changed(byte[] path)
        => new($"\"/{PathText.Show(path)}\" changed while it was read.", $"A container that is paused ({nameof(Container.PauseAsync)}), or has ended, changes nothing.");
}
