namespace Containers.Native;

/// <summary>
/// One network namespace ahead: made in the background while nobody waits for it, with lo up, and handed to the next
/// container. To make one takes the kernel longer than all the mounts of a container together, and to set lo up waits for
/// the lock (rtnl) that taking others down holds.
/// </summary>
/// <remarks>A host that has started a container keeps one thread and one namespace for it, which go with the process.</remarks>
internal static unsafe class SpareNetNamespace
{
    private const int AF_INET = 2, SOCK_DGRAM_CLOEXEC = 2 | 0x80000, SIOCSIFFLAGS = 0x8914, IFF_UP_RUNNING = 0x41;

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
        if (Kernel.Call(SystemCall.unshare, (long)Kernel.CLONE_NEWNET) < 0)
        {
            return -1;
        }

        byte* request = stackalloc byte[40]; // struct ifreq: name[16], flags
        new Span<byte>(request, 40).Clear();
        "lo"u8.CopyTo(new Span<byte>(request, 40));
        request[16] = IFF_UP_RUNNING;
        using PathHandle socket = new((int)Kernel.Call(SystemCall.socket, AF_INET, SOCK_DGRAM_CLOEXEC, 0));
        if (socket.IsInvalid || Kernel.Call(SystemCall.ioctl, socket.Descriptor, SIOCSIFFLAGS, (long)request) < 0)
        {
            return -1;
        }

        fixed (byte* path = "/proc/thread-self/ns/net\0"u8)
        {
            return Kernel.openat(Kernel.AT_FDCWD, path, Kernel.O_RDONLY);
        }
    }
}
