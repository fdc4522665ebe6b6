using System.Globalization;

namespace Containers.Native;

/// <summary>
/// A namespace, kept for as long as the handle is open, whether or not a process is left in it: namespaces(7).
/// </summary>
public sealed unsafe class NamespaceHandle : DescriptorHandle
{
    private const long PIDFD_GET_MNT_NAMESPACE = 0xFF03, PIDFD_GET_NET_NAMESPACE = 0xFF04; // linux/pidfd.h, Linux 6.11
    private const long NS_GET_NSTYPE = 0xB703; // linux/nsfs.h

    internal NamespaceHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>Opens a namespace of a process.</summary>
    /// <param name="process">A process id.</param>
    /// <param name="kind">As /proc/PID/ns names it: "mnt", "pid", "net", "uts", "ipc", "cgroup", "time", "user".</param>
    /// <exception cref="KernelException">ENOENT: there is no such process or kind; EACCES: it is not ours to look into.</exception>
    public static NamespaceHandle Open(int process, string kind) => Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/ns/{kind}"));

    /// <summary>The calling thread's own, which may be another than its process's.</summary>
    internal static NamespaceHandle OpenThread(string kind) => Open("/proc/thread-self/ns/" + kind);

    /// <summary>Opens a namespace that is mounted at a path, and sees that it is one of the kind: ioctl_ns(2), NS_GET_NSTYPE, Linux 4.11.</summary>
    /// <param name="path">A path of the host.</param>
    /// <param name="type">CLONE_NEW….</param>
    /// <exception cref="KernelException">ENOENT: nothing is there; EINVAL: it is something else.</exception>
    internal static NamespaceHandle Open(string path, ulong type)
    {
        NamespaceHandle handle = Open(path);
        if (Kernel.Call(SystemCall.ioctl, handle.Descriptor, NS_GET_NSTYPE) != (long)type)
        {
            handle.Dispose();
            throw new KernelException("open namespace", path, Errno.EINVAL, "What is there is no namespace of the kind: a file that was left behind, perhaps.");
        }

        return handle;
    }

    /// <summary>The number that the kernel knows it by, which no other namespace has while it lives: "net:[4026531840]".</summary>
    internal ulong Inode
    {
        get
        {
            using Use use = Borrow();
            Kernel.statx_t status;
            fixed (byte* empty = "\0"u8)
            {
                Kernel.Check(Kernel.statx(use.Descriptor, empty, Kernel.AT_EMPTY_PATH, Kernel.STATX_BASIC_STATS, &status), "look at namespace");
            }

            return status.stx_ino;
        }
    }

    private static NamespaceHandle Open(string path)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            return new NamespaceHandle((int)Kernel.Check(Kernel.openat(Kernel.AT_FDCWD, bytes, Kernel.O_RDONLY | Kernel.O_NONBLOCK | Kernel.O_NOCTTY), "open namespace", path));
        }
    }

    /// <summary>The mount namespace of a child that has not been waited for, so that its number is still its own.</summary>
    /// <returns>Null when it has ended already, and its namespaces with it.</returns>
    internal static NamespaceHandle? TryOpenMounts(PidHandle process, int pid) => TryOpen(process, pid, PIDFD_GET_MNT_NAMESPACE, "mnt");

    /// <summary>The same for its network namespace.</summary>
    internal static NamespaceHandle? TryOpenNetwork(PidHandle process, int pid) => TryOpen(process, pid, PIDFD_GET_NET_NAMESPACE, "net");

    /// <summary>Another handle of the same namespace.</summary>
    internal NamespaceHandle Duplicate()
    {
        using Use use = Borrow();
        return new NamespaceHandle((int)Kernel.Check(Kernel.Call(SystemCall.fcntl, use.Descriptor, Kernel.F_DUPFD_CLOEXEC, 0), "duplicate a namespace handle"));
    }

    private static NamespaceHandle? TryOpen(PidHandle process, int pid, long request, string kind)
    {
        int descriptor = (int)Kernel.Call(SystemCall.ioctl, process.Descriptor, request);
        if (descriptor < 0)
        {
            fixed (byte* path = CString.Bytes(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/{kind}")))
            {
                descriptor = Kernel.openat(Kernel.AT_FDCWD, path, Kernel.O_RDONLY);
            }
        }

        return descriptor < 0 ? null : new NamespaceHandle(descriptor);
    }
}
