using Containers.Layers;
using Containers.Native;

namespace Containers.Changes;

/// <summary>One entry of a tree, open but for its content, with what can be told about it.</summary>
internal sealed unsafe class TreeNode : IDisposable
{
    private const int LongestList = 64 << 10; // XATTR_LIST_MAX, and XATTR_SIZE_MAX

    // What overlays keep their notes in: the kernel's, of root and of users, and fuse-overlayfs(1).
    private static readonly string[] s_overlays = ["trusted.overlay.", "user.overlay.", "user.fuseoverlayfs."];

    // Asked for several times for each entry of a tree.
    [ThreadStatic]
    private static byte[]? t_buffer;

    private readonly PathHandle _handle;

    /// <param name="handle">Opened with O_PATH.</param>
    /// <param name="path">Its path in the tree, for messages.</param>
    public TreeNode(PathHandle handle, byte[] path)
    {
        _handle = handle;
        Path = path;
        Status = Storage.StoreFiles.Stat(handle);
    }

    public byte[] Path { get; }

    public Kernel.statx_t Status { get; }

    public bool IsWhiteout => Status.Type == Kernel.S_IFCHR && (Status.stx_rdev_major | Status.stx_rdev_minor) == 0;

    /// <summary>Opens what a path names, without following anything; null when nothing is there.</summary>
    public static TreeNode? TryOpen(PathHandle root, byte[] path)
        => Images.LayerView.TryOpenBeneath(root, path.Length == 0 ? "."u8.ToArray() : path) is { } handle ? new TreeNode(handle, path) : null;

    public byte[] ReadLink()
    {
        byte* target = stackalloc byte[4096]; // PATH_MAX: symlink(2) takes no more
        byte empty = 0;
        return new ReadOnlySpan<byte>(target, (int)Kernel.Check(Kernel.readlinkat(_handle.Descriptor, &empty, target, 4096), "readlink", PathText.Show(Path))).ToArray();
    }

    /// <summary>Opens a file's content, or a directory's names; of the very inode that was looked at, since its name may be another's by now.</summary>
    public PathHandle Open()
    {
        fixed (byte* path = CString.Bytes($"/proc/self/fd/{_handle.Descriptor}"))
        {
            return new PathHandle((int)Kernel.Check(Kernel.openat(Kernel.AT_FDCWD, path, Kernel.O_RDONLY | Kernel.O_NONBLOCK), "open", PathText.Show(Path)));
        }
    }

    /// <summary>Extended attributes by their names, in order: all but an overlay's own, and labels that the host's security modules gave.</summary>
    public SortedDictionary<string, byte[]> ReadAttributes()
    {
        SortedDictionary<string, byte[]> attributes = new(StringComparer.Ordinal);
        foreach (string name in ListAttributes())
        {
            bool isHosts = s_overlays.Any(overlay => name.StartsWith(overlay, StringComparison.Ordinal)) || name is "security.selinux" or "security.ima" or "security.evm" or "security.SMACK64";
            if (!isHosts && ReadAttribute(name) is { } value)
            {
                attributes[name] = name == "security.capability" ? WithoutRoot(value) : value;
            }
        }

        return attributes;
    }

    /// <summary>One attribute of the overlay's, whichever kind the overlay is of.</summary>
    public byte[]? ReadOverlayAttribute(string name) => s_overlays.Select(overlay => ReadAttribute(overlay + name)).FirstOrDefault(value => value is not null);

    public void Dispose() => _handle.Dispose();

    // Listing and reading take no O_PATH descriptor; its path in /proc leads to the inode itself, and a link is not followed from there.
    private List<string> ListAttributes()
    {
        byte[] names = t_buffer ??= new byte[LongestList];
        long length;
        fixed (byte* path = CString.Bytes($"/proc/self/fd/{_handle.Descriptor}"), bytes = names)
        {
            length = MappedRoot.Again(Kernel.Call(SystemCall.listxattr, (long)path, (long)bytes, names.Length), SystemCall.listxattr, (long)path, (long)bytes, names.Length);
        }

        return length <= 0 ? [] : [.. System.Text.Encoding.Latin1.GetString(names, 0, (int)length).Split('\0', StringSplitOptions.RemoveEmptyEntries)];
    }

    private byte[]? ReadAttribute(string name)
    {
        byte[] value = t_buffer ??= new byte[LongestList];
        fixed (byte* path = CString.Bytes($"/proc/self/fd/{_handle.Descriptor}"), key = System.Text.Encoding.Latin1.GetBytes(name + "\0"), bytes = value)
        {
            long length = MappedRoot.Again(Kernel.Call(SystemCall.getxattr, (long)path, (long)key, (long)bytes, value.Length), SystemCall.getxattr, (long)path, (long)key, (long)bytes, value.Length);
            return length < 0 ? null : value[..(int)length];
        }
    }

    // Capabilities that are for root of a user namespace only (capabilities(7), version 3, Linux 4.14) name that root by its id on this host; for who unpacks the image, root is root.
    private static byte[] WithoutRoot(byte[] value)
    {
        if (value.Length != 24 || value[3] != 3)
        {
            return value;
        }

        byte[] plain = value[..20];
        plain[3] = 2;
        return plain;
    }
}
