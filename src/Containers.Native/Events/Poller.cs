using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Containers.Native;

/// <summary>
/// One thread that waits for all: pipes of containers and their pidfds. .NET offers no such wait for descriptors that are
/// not sockets, and would block a thread of the pool for each.
/// </summary>
internal static unsafe class Poller
{
    private static readonly ConcurrentDictionary<long, Action> s_waiting = new();
    private static readonly int s_epoll = Start();
    private static long s_last;

    /// <summary>Calls back, once, from the poller's thread, when the descriptor is ready or hung up. Keep it open until then, or call <see cref="Cancel"/>.</summary>
    /// <returns>What <see cref="Cancel"/> takes.</returns>
    public static long When(DescriptorHandle descriptor, uint events, Action ready)
    {
        long key = Interlocked.Increment(ref s_last);
        s_waiting[key] = ready;
        int result = Control(Kernel.EPOLL_CTL_ADD, descriptor, events, key);
        if (result == -(int)Errno.EEXIST)
        {
            result = Control(Kernel.EPOLL_CTL_MOD, descriptor, events, key);
        }

        if (result < 0)
        {
            s_waiting.TryRemove(key, out _);
            Kernel.Check(result, "epoll_ctl");
        }

        return key;
    }

    /// <summary>Forgets a wait.</summary>
    /// <returns>False when the callback has run or is about to.</returns>
    public static bool Cancel(long key) => s_waiting.TryRemove(key, out _);

    private static int Control(int operation, DescriptorHandle descriptor, uint events, long key)
    {
        // struct epoll_event is packed on x86-64 and only there.
        byte* item = stackalloc byte[16];
        *(uint*)item = events | Kernel.EPOLLONESHOT;
        *(long*)(item + (EventSize - 8)) = key;
        return (int)Kernel.Call(SystemCall.epoll_ctl, s_epoll, operation, descriptor.Descriptor, (long)item);
    }

    private static int EventSize { get; } = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private static int Start()
    {
        int epoll = (int)Kernel.Check(Kernel.Call(SystemCall.epoll_create1, Kernel.O_CLOEXEC), "epoll_create1");
        new Thread(() => Serve(epoll), 256 * 1024) { IsBackground = true, Name = "containers-poller" }.Start();
        return epoll;
    }

    private static void Serve(int epoll)
    {
        const int Most = 64;
        byte* events = stackalloc byte[Most * 16];
        while (true)
        {
            long count = Kernel.Retry(SystemCall.epoll_pwait, epoll, (long)events, Most, -1);
            for (int i = 0; i < count; i++)
            {
                if (s_waiting.TryRemove(*(long*)(events + (i * EventSize) + (EventSize - 8)), out Action? ready))
                {
                    ready();
                }
            }
        }
    }
}
