namespace Containers.Native;

/// <summary>An open file or directory: what paths are resolved against, and what is locked.</summary>
internal sealed unsafe class PathHandle : DescriptorHandle
{
    public PathHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>Opens a path of the host, which is trusted: its links are followed wherever they lead.</summary>
    /// <exception cref="KernelException">It could not be opened.</exception>
    public static PathHandle Open(string path, int flags, uint mode = 0)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            return new PathHandle((int)Kernel.Check(Kernel.openat(Kernel.AT_FDCWD, bytes, flags, mode), "open", path));
        }
    }

    /// <summary>A directory, to read and to resolve paths against.</summary>
    public static PathHandle OpenDirectory(string path) => Open(path, Kernel.O_RDONLY | Kernel.O_DIRECTORY);

    /// <summary>Opens a path inside this directory as if the directory were "/": no link and no ".." leads out of it. Linux 5.6+ (openat2(2), RESOLVE_IN_ROOT).</summary>
    /// <returns>Null when nothing is there.</returns>
    /// <exception cref="KernelException">It is there and could not be opened.</exception>
    public PathHandle? TryOpenInRoot(string path, int flags)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            int descriptor = Kernel.openat2(Descriptor, bytes, flags, 0, Kernel.RESOLVE_IN_ROOT | Kernel.RESOLVE_NO_MAGICLINKS);
            return descriptor is -(int)Errno.ENOENT or -(int)Errno.ENOTDIR
                ? null
                : new PathHandle((int)Kernel.Check(descriptor, "open in root", path));
        }
    }
}
