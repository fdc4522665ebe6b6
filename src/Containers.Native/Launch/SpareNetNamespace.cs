using Containers.Native.Netlink;

namespace Containers.Native;

/// <summary>
/// One network namespace ahead: made in the background while nobody waits for it, with lo up, and handed to the next
/// container. To make one takes the kernel longer than all the mounts of a container together, and to set lo up waits for
/// the lock (rtnl) that taking others down holds.
/// </summary>
/// <remarks>A host that has started a container keeps one thread and one namespace for it, which go with the process.</remarks>
internal static unsafe class SpareNetNamespace
{
    private static readonly AutoResetEvent s_wanted = new(initialState: false);
    private static readonly Lazy<Thread> s_thread = new(Start);
    private static int s_spare = -1;
    private static volatile bool s_impossible;

    /// <summary>The one that is waiting now; -1 when there is none.</summary>
    public static int Descriptor => Volatile.Read(ref s_spare);

    /// <summary>Takes the spare one, and has the next one made.</summary>
    /// <returns>Null when there is none at the moment: then the container's clone makes its own.</returns>
    public static NamespaceHandle? TryTake()
    {
        if (s_impossible)
        {
            return null;
        }

        int taken = Interlocked.Exchange(ref s_spare, -1);
        _ = s_thread.Value;
        s_wanted.Set();
        return taken < 0 ? null : new NamespaceHandle(taken);
    }

    /// <summary>Takes the spare one, or makes one now.</summary>
    /// <exception cref="KernelException">EPERM without CAP_SYS_ADMIN; ENOSPC past the limit on namespaces.</exception>
    public static NamespaceHandle Take() => TryTake() ?? NamespaceThread.Make();

    private static Thread Start()
    {
        Thread thread = new(Serve, 256 * 1024) { IsBackground = true, Name = "containers-netns" };
        thread.Start();
        return thread;
    }

    // The thread is in the namespace that it made last: unshare(2) moves the calling thread and no other.
    private static void Serve()
    {
        while (s_wanted.WaitOne())
        {
            if (Volatile.Read(ref s_spare) >= 0)
            {
                continue;
            }

            int made = Make();
            if (made < 0)
            {
                s_impossible = true; // and the next start says why, when its clone fails in the same way
                return;
            }

            Volatile.Write(ref s_spare, made);
        }
    }

    private static int Make()
    {
        if (Kernel.Call(SystemCall.unshare, (long)Kernel.CLONE_NEWNET) < 0 || Loopback.SetUp() < 0)
        {
            return -1;
        }

        fixed (byte* path = "/proc/thread-self/ns/net\0"u8)
        {
            return Kernel.openat(Kernel.AT_FDCWD, path, Kernel.O_RDONLY);
        }
    }
}
