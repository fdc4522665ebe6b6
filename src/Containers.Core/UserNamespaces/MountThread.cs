using System.Runtime.ExceptionServices;
using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>
/// A thread with mounts of its own, where root prepares those of containers that may not make them themselves: an overlay
/// takes only lower directories that are mounted somewhere, and on the host nothing of it is to be seen. What the host
/// mounts and unmounts is mounted and unmounted here, too, so that nothing is kept busy.
/// </summary>
internal static unsafe class MountThread
{
    private static readonly Lock s_one = new();
    private static readonly SemaphoreSlim s_asked = new(0), s_answered = new(0);
    private static readonly Lazy<Thread> s_thread = new(Start);
    private static Action<long>? s_work;

    /// <summary>Runs something there, and waits for it. What it throws is thrown here.</summary>
    public static T Run<T>(Func<T> work)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        lock (s_one)
        {
            _ = s_thread.Value;
            s_work = moved =>
            {
                try
                {
                    Kernel.Check(moved, "make a mount namespace");
                    result = work();
                }
                catch (Exception e)
                {
                    failure = ExceptionDispatchInfo.Capture(e);
                }
            };
            s_asked.Release();
            s_answered.Wait();
        }

        failure?.Throw();
        return result;
    }

    private static Thread Start()
    {
        Thread thread = new(Serve, 256 * 1024) { IsBackground = true, Name = "containers-mounts" };
        thread.Start();
        return thread;
    }

    private static void Serve()
    {
        long moved = Kernel.Call(SystemCall.unshare, (long)Kernel.CLONE_NEWNS);
        fixed (byte* root = "/\0"u8)
        {
            moved = moved < 0 ? moved : Kernel.mount(null, root, null, Kernel.MS_REC | Kernel.MS_SLAVE, null);
        }

        while (true)
        {
            s_asked.Wait();
            s_work!(moved);
            s_work = null;
            s_answered.Release();
        }
    }
}
