using Containers.Layers;
using Containers.Native;

namespace Containers.Storage;

/// <summary>
/// Copies trees one over the other, as an overlay of them would show them: what a layer hides is taken away, what it has
/// replaces what was there. No link is followed on either side, and blocks are shared where the file system can
/// (copy_file_range(2), FICLONE).
/// </summary>
/// <remarks>Directories get their owner, mode and times at the end, when all is in them.</remarks>
internal sealed unsafe class TreeCopier : IDisposable
{
    private const ulong Beneath = Kernel.RESOLVE_BENEATH | Kernel.RESOLVE_NO_SYMLINKS;
    private const uint Private = 0x1c0; // 0700

    private readonly int _target;
    private readonly CopiedOwners _owners;
    private readonly Dictionary<string, (byte[] Path, Kernel.statx_t Status, string Layer)> _directories = [];

    /// <param name="target">An empty directory.</param>
    /// <param name="owners">Who owns what is copied.</param>
    public TreeCopier(string target, CopiedOwners owners)
    {
        _owners = owners;
        fixed (byte* path = CString.Bytes(target))
        {
            _target = (int)Kernel.Check(Kernel.openat(Kernel.AT_FDCWD, path, Kernel.O_RDONLY | Kernel.O_DIRECTORY), "open", target);
        }
    }

    /// <summary>Copies one layer over those that were copied before.</summary>
    public void Add(string layer)
    {
        using PathHandle root = PathHandle.OpenDirectory(layer);
        Dictionary<(uint, uint, ulong), byte[]> links = [];
        Stack<byte[]> open = new();
        open.Push([]);
        while (open.TryPop(out byte[]? path))
        {
            using PathHandle from = Open(root.Descriptor, path, layer), to = Open(_target, path, layer);
            Kernel.statx_t status = Stat(from.Descriptor, null, path);
            if (IsOpaque(from.Descriptor))
            {
                foreach (byte[] name in Tree.List(to.Descriptor))
                {
                    Remove(to.Descriptor, name, path);
                }
            }

            _directories[Convert.ToHexString(path)] = (path, status, layer);
            foreach (byte[] name in Tree.List(from.Descriptor))
            {
                byte[] inner = path.Length == 0 ? name[..^1] : [.. path, (byte)'/', .. name[..^1]];
                if (Copy(from.Descriptor, to.Descriptor, name, inner, links))
                {
                    open.Push(inner);
                }
            }
        }
    }

    /// <summary>Gives directories what they should have.</summary>
    public void Finish()
    {
        foreach ((byte[] path, Kernel.statx_t status, string layer) in _directories.Values.OrderByDescending(directory => directory.Path.Length))
        {
            int descriptor = TryOpen(_target, path);
            if (descriptor is -(int)Errno.ENOENT or -(int)Errno.ENOTDIR or -(int)Errno.ELOOP)
            {
                continue; // a layer above took it away
            }

            using PathHandle to = new((int)Kernel.Check(descriptor, "open", PathText.Show(path)));
            using PathHandle root = PathHandle.OpenDirectory(layer);
            using PathHandle from = Open(root.Descriptor, path, layer);
            Settle(from.Descriptor, to.Descriptor, status, path);
        }
    }

    public void Dispose() => _ = Kernel.close(_target);

    // Whether it is a directory to go into.
    private bool Copy(int from, int to, byte[] name, byte[] path, Dictionary<(uint, uint, ulong), byte[]> links)
    {
        Kernel.statx_t status = Stat(from, name, path);
        bool there = TryStat(to, name, out Kernel.statx_t old);
        if (status.Type == Kernel.S_IFDIR)
        {
            if (there && old.Type == Kernel.S_IFDIR)
            {
                return true;
            }

            RemoveIf(there, to, name, path);
            fixed (byte* bytes = name)
            {
                Kernel.Check(Kernel.mkdirat(to, bytes, Private), "mkdir", PathText.Show(path));
            }

            return true;
        }

        RemoveIf(there, to, name, path);
        if (status.Type == Kernel.S_IFCHR && (status.stx_rdev_major | status.stx_rdev_minor) == 0)
        {
            return false; // a whiteout
        }

        if (status.stx_nlink > 1)
        {
            if (links.TryGetValue((status.stx_dev_major, status.stx_dev_minor, status.stx_ino), out byte[]? other))
            {
                fixed (byte* bytes = name, source = (byte[])[.. other, 0])
                {
                    Kernel.Check(Kernel.linkat(_target, source, to, bytes, 0), "link", PathText.Show(path));
                }

                return false;
            }

            links[(status.stx_dev_major, status.stx_dev_minor, status.stx_ino)] = path;
        }

        if (status.Type == Kernel.S_IFREG)
        {
            CopyFile(from, to, name, status, path);
        }
        else
        {
            CopySpecial(from, to, name, status, path);
        }

        return false;
    }

    private void CopyFile(int from, int to, byte[] name, in Kernel.statx_t status, byte[] path)
    {
        string shown = PathText.Show(path);
        fixed (byte* bytes = name)
        {
            using PathHandle source = new((int)Kernel.Check(Kernel.openat(from, bytes, Kernel.O_RDONLY | Kernel.O_NOFOLLOW | Kernel.O_NONBLOCK), "open", shown));
            using PathHandle made = new((int)Kernel.Check(Kernel.openat(to, bytes, Kernel.O_WRONLY | Kernel.O_CREAT | Kernel.O_EXCL | Kernel.O_NOFOLLOW, 0x180 /* 0600 */), "create", shown));
            FileCopy.Copy(source.Descriptor, made.Descriptor, (long)status.stx_size, shown);
            Settle(source.Descriptor, made.Descriptor, status, path);
        }
    }

    private void CopySpecial(int from, int to, byte[] name, in Kernel.statx_t status, byte[] path)
    {
        string shown = PathText.Show(path);
        fixed (byte* bytes = name)
        {
            if (status.Type == Kernel.S_IFLNK)
            {
                byte* link = stackalloc byte[4097];
                long length = Kernel.Check(Kernel.readlinkat(from, bytes, link, 4096), "readlink", shown);
                link[length] = 0;
                Kernel.Check(Kernel.symlinkat(link, to, bytes), "symlink", shown);
            }
            else
            {
                int result = Kernel.mknodat(to, bytes, status.stx_mode & Kernel.S_IFMT | 0x180, Kernel.makedev(status.stx_rdev_major, status.stx_rdev_minor));
                if (result == -(int)Errno.EPERM && Kernel.geteuid() != 0)
                {
                    return; // a device node, which in a user namespace nobody could use
                }

                Kernel.Check(result, "mknod", shown);
            }

            (uint user, uint group) = _owners.Of(status.stx_uid, status.stx_gid);
            Kernel.Check(Kernel.fchownat(to, bytes, user, group, Kernel.AT_SYMLINK_NOFOLLOW), "chown", shown);
            if (status.Type != Kernel.S_IFLNK)
            {
                Kernel.Check(Kernel.fchmodat(to, bytes, status.stx_mode & 0xfffu), "chmod", shown);
            }

            Kernel.timespec* times = stackalloc Kernel.timespec[2];
            Times(status, times);
            Kernel.Check(Kernel.utimensat(to, bytes, times, Kernel.AT_SYMLINK_NOFOLLOW), "set the times of", shown);
        }
    }

    // Owner, mode, attributes, times, in this order: a change of owner takes setuid bits and capabilities away.
    private void Settle(int from, int to, in Kernel.statx_t status, byte[] path)
    {
        string shown = PathText.Show(path);
        (uint user, uint group) = _owners.Of(status.stx_uid, status.stx_gid);
        Kernel.Check(Kernel.fchown(to, user, group), "chown", shown);
        Kernel.Check(Kernel.fchmod(to, status.stx_mode & 0xfffu), "chmod", shown);
        FileCopy.CopyAttributes(from, to, shown, _owners);
        Kernel.timespec* times = stackalloc Kernel.timespec[2];
        Times(status, times);
        Kernel.Check(Kernel.utimensat(to, null, times, 0), "set the times of", shown);
    }

    private static void RemoveIf(bool there, int directory, byte[] name, byte[] path)
    {
        if (there)
        {
            Remove(directory, name, path);
        }
    }

    private static void Remove(int directory, byte[] name, byte[] path)
    {
        fixed (byte* bytes = name)
        {
            int result = Kernel.unlinkat(directory, bytes, 0);
            result = result == -(int)Errno.EISDIR ? Tree.Remove(directory, bytes) : result;
            Kernel.Check(result, "remove, to replace it,", PathText.Show(path));
        }
    }

    private static int TryOpen(int root, byte[] path)
    {
        fixed (byte* bytes = path.Length == 0 ? ".\0"u8.ToArray() : [.. path, 0])
        {
            return Kernel.openat2(root, bytes, Kernel.O_RDONLY | Kernel.O_DIRECTORY, 0, Beneath);
        }
    }

    private static PathHandle Open(int root, byte[] path, string layer)
        => new((int)Kernel.Check(TryOpen(root, path), $"open in \"{layer}\"", PathText.Show(path)));

    private static bool TryStat(int directory, byte[] name, out Kernel.statx_t status)
    {
        fixed (byte* bytes = name)
        fixed (Kernel.statx_t* result = &status)
        {
            return Kernel.statx(directory, bytes, Kernel.AT_SYMLINK_NOFOLLOW | (name.Length == 1 ? Kernel.AT_EMPTY_PATH : 0), Kernel.STATX_BASIC_STATS, result) >= 0;
        }
    }

    // Without a name, of what is open itself.
    private Kernel.statx_t Stat(int directory, byte[]? name, byte[] path)
    {
        byte[] bytes = name ?? [0];
        if (!TryStat(directory, bytes, out Kernel.statx_t status))
        {
            throw new KernelException("stat", PathText.Show(path), Errno.ENOENT, "Somebody changes the tree while it is copied.");
        }

        _owners.Recognize(directory, bytes, ref status);
        return status;
    }

    private static void Times(in Kernel.statx_t status, Kernel.timespec* times)
    {
        times[0] = new() { tv_sec = status.stx_atime.tv_sec, tv_nsec = status.stx_atime.tv_nsec };
        times[1] = new() { tv_sec = status.stx_mtime.tv_sec, tv_nsec = status.stx_mtime.tv_nsec };
    }

    private static bool IsOpaque(int directory)
    {
        byte value;
        fixed (byte* trusted = "trusted.overlay.opaque\0"u8, user = "user.overlay.opaque\0"u8)
        {
            return Kernel.fgetxattr(directory, trusted, &value, 1) == 1 || Kernel.fgetxattr(directory, user, &value, 1) == 1;
        }
    }
}
