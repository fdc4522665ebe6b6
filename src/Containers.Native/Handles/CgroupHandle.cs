using System.Buffers;
using System.Text;

namespace Containers.Native;

/// <summary>
/// A directory of a cgroup hierarchy: cgroups(7). The descriptor is what a child is born in (CLONE_INTO_CGROUP), and a lock on it
/// tells other processes that someone answers for the cgroup; the kernel drops the lock with its holder.
/// </summary>
internal sealed unsafe class CgroupHandle : DescriptorHandle
{
    private CgroupHandle(int descriptor, string path)
        : base(descriptor) => Path = path;

    /// <summary>Where it is on the host.</summary>
    public string Path { get; }

    /// <summary>Makes a cgroup and locks it.</summary>
    /// <returns>Null when there is one of that name.</returns>
    /// <exception cref="KernelException">EACCES, EROFS: it is not ours to make; EAGAIN: cgroup.max.descendants is reached.</exception>
    public static CgroupHandle? TryMake(string path)
    {
        while (true)
        {
            int made;
            fixed (byte* bytes = CString.Bytes(path))
            {
                made = Kernel.mkdirat(Kernel.AT_FDCWD, bytes, 0x1ed /* 0755 */);
            }

            if (made == -(int)Errno.EEXIST)
            {
                return null;
            }

            Kernel.Check(made, "make the cgroup", path);
            // One who looks for what killed hosts left may have come between: then it is gone, and made again.
            if (TryOpen(path) is { } cgroup)
            {
                if (cgroup.TryLock(wait: true) && cgroup.IsThere)
                {
                    return cgroup;
                }

                cgroup.Dispose();
            }
        }
    }

    /// <returns>Null when there is none.</returns>
    public static CgroupHandle? TryOpen(string path)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            int descriptor = Kernel.openat(Kernel.AT_FDCWD, bytes, Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW);
            return descriptor is -(int)Errno.ENOENT or -(int)Errno.ENODEV ? null : new CgroupHandle((int)Kernel.Check(descriptor, "open the cgroup", path), path);
        }
    }

    /// <summary>Whether it has not been removed.</summary>
    public bool IsThere => Has("cgroup.procs");

    /// <summary>Takes the lock that stands for answering for it: flock(2).</summary>
    /// <returns>False when another has it.</returns>
    public bool TryLock(bool wait = false) => Kernel.flock(Descriptor, wait ? Kernel.LOCK_EX : Kernel.LOCK_EX | Kernel.LOCK_NB) >= 0;

    public bool Has(string file)
    {
        using Use directory = Borrow();
        fixed (byte* name = CString.Bytes(file))
        {
            return Kernel.Call(SystemCall.faccessat, directory.Descriptor, (long)name, 0) == 0;
        }
    }

    /// <summary>Opens one of its files.</summary>
    /// <exception cref="KernelException">ENOENT: the controller is not there; ENODEV: the cgroup is removed.</exception>
    public PathHandle Open(string file, int flags)
    {
        int descriptor = TryOpen(file, flags);
        return descriptor >= 0 ? new PathHandle(descriptor) : throw new KernelException("open", $"{Path}/{file}", (Errno)(-descriptor));
    }

    /// <summary>Writes a value to one of its files, in one call: each is a command to the kernel.</summary>
    /// <exception cref="KernelException">The kernel did not take it.</exception>
    public void Write(string file, string value)
    {
        if (TryWrite(file, value) is { } errno)
        {
            throw new KernelException($"write \"{value.TrimEnd()}\" to", $"{Path}/{file}", errno);
        }
    }

    /// <returns>Null when the kernel took it.</returns>
    public Errno? TryWrite(string file, string value)
    {
        int descriptor = TryOpen(file, Kernel.O_WRONLY);
        if (descriptor < 0)
        {
            return (Errno)(-descriptor);
        }

        fixed (byte* bytes = Encoding.UTF8.GetBytes(value))
        {
            long written = Kernel.write(descriptor, bytes, (nuint)Encoding.UTF8.GetByteCount(value));
            Kernel.close(descriptor);
            return written < 0 ? (Errno)(-written) : null;
        }
    }

    /// <exception cref="KernelException">It cannot be read.</exception>
    public string Read(string file)
        => TryRead(file, out Errno errno) ?? throw new KernelException("read", $"{Path}/{file}", errno);

    /// <returns>Null when it is not there, or the kernel has nothing to tell (EOPNOTSUPP: pressure that is not counted).</returns>
    public string? TryRead(string file) => TryRead(file, out _);

    private string? TryRead(string file, out Errno errno)
    {
        errno = default;
        int descriptor = TryOpen(file, Kernel.O_RDONLY);
        if (descriptor < 0)
        {
            errno = (Errno)(-descriptor);
            return null;
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(8192);
        try
        {
            int length = 0;
            while (true)
            {
                long count;
                fixed (byte* at = &buffer[length])
                {
                    count = Kernel.read(descriptor, at, (nuint)(buffer.Length - length));
                }

                if (count <= 0)
                {
                    errno = (Errno)(-count);
                    return count < 0 ? null : Encoding.UTF8.GetString(buffer, 0, length);
                }

                length += (int)count;
                if (length == buffer.Length)
                {
                    byte[] larger = ArrayPool<byte>.Shared.Rent(length * 2);
                    buffer.AsSpan(0, length).CopyTo(larger);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            Kernel.close(descriptor);
        }
    }

    /// <summary>Removes it. The handle is closed apart from that.</summary>
    /// <returns>Null when it is gone; EBUSY while processes, or cgroups, are in it.</returns>
    public Errno? TryRemove()
    {
        fixed (byte* bytes = CString.Bytes(Path))
        {
            int result = Kernel.unlinkat(Kernel.AT_FDCWD, bytes, Kernel.AT_REMOVEDIR);
            return result is >= 0 or -(int)Errno.ENOENT ? null : (Errno)(-result);
        }
    }

    private int TryOpen(string file, int flags)
    {
        using Use directory = Borrow();
        fixed (byte* name = CString.Bytes(file))
        {
            return Kernel.openat(directory.Descriptor, name, flags | Kernel.O_NOFOLLOW);
        }
    }
}
