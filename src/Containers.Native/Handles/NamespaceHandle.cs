using System.Globalization;

namespace Containers.Native;

/// <summary>
/// A namespace, kept for as long as the handle is open, whether or not a process is left in it: namespaces(7).
/// </summary>
public sealed unsafe class NamespaceHandle : DescriptorHandle
{
    private const long PIDFD_GET_MNT_NAMESPACE = 0xFF03; // linux/pidfd.h, Linux 6.11

    internal NamespaceHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>Opens a namespace of a process.</summary>
    /// <param name="process">A process id.</param>
    /// <param name="kind">As /proc/PID/ns names it: "mnt", "pid", "net", "uts", "ipc", "cgroup", "time", "user".</param>
    /// <exception cref="KernelException">ENOENT: there is no such process or kind; EACCES: it is not ours to look into.</exception>
    public static NamespaceHandle Open(int process, string kind)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/ns/{kind}");
        fixed (byte* bytes = CString.Bytes(path))
        {
            return new NamespaceHandle((int)Kernel.Check(Kernel.openat(Kernel.AT_FDCWD, bytes, Kernel.O_RDONLY), "open namespace", path));
        }
    }

    /// <summary>The mount namespace of a child that has not been waited for, so that its number is still its own.</summary>
    /// <returns>Null when it has ended already, and its namespaces with it.</returns>
    internal static NamespaceHandle? TryOpenMounts(PidHandle process, int pid)
    {
        int descriptor = (int)Kernel.Call(SystemCall.ioctl, process.Descriptor, PIDFD_GET_MNT_NAMESPACE);
        if (descriptor < 0)
        {
            fixed (byte* path = CString.Bytes(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/mnt")))
            {
                descriptor = Kernel.openat(Kernel.AT_FDCWD, path, Kernel.O_RDONLY);
            }
        }

        return descriptor < 0 ? null : new NamespaceHandle(descriptor);
    }
}
