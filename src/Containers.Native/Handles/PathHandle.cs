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
}
