using System.Runtime.ExceptionServices;

namespace Containers.Native.Netlink;

/// <summary>
/// A thread that visits network namespaces for others: setns(2) moves the calling thread and no other, and a thread of the
/// pool must not be left in a namespace of someone's. What it opens there (sockets, files of /proc/sys/net) stays of there.
/// </summary>
internal static class NamespaceThread
{
    private static readonly Lock s_one = new();
    private static readonly SemaphoreSlim s_asked = new(0), s_answered = new(0);
    private static readonly Lazy<Thread> s_thread = new(Start);
    private static Action? s_work;

    /// <summary>Runs something short in a network namespace, and waits for it. What it throws is thrown here.</summary>
    /// <param name="networkNamespace">The namespace; null to run here, in the caller's own.</param>
    /// <param name="work">Must not wait for anything, nor call this again.</param>
    public static T Run<T>(NamespaceHandle? networkNamespace, Func<T> work)
    {
        if (networkNamespace is null)
        {
            return work();
        }

        return Ask(() =>
        {
            using DescriptorHandle.Use use = networkNamespace.Borrow();
            Kernel.Check(Kernel.Call(SystemCall.setns, use.Descriptor, (long)Kernel.CLONE_NEWNET), "enter network namespace");
            return work();
        });
    }

    /// <inheritdoc cref="Run{T}"/>
    public static void Run(NamespaceHandle? networkNamespace, Action work) => Run(networkNamespace, () =>
    {
        work();
        return true;
    });

    /// <summary>Makes a network namespace with lo up, which lives for as long as the handle is open, or something is in it.</summary>
    /// <exception cref="KernelException">EPERM: it takes CAP_SYS_ADMIN; ENOSPC: user.max_net_namespaces is reached.</exception>
    public static NamespaceHandle Make() => Ask(() =>
    {
        Kernel.Check(Kernel.Call(SystemCall.unshare, (long)Kernel.CLONE_NEWNET), "make network namespace");
        Kernel.Check(Loopback.SetUp(), "set up link", "lo");
        return NamespaceHandle.OpenThread("net");
    });

    private static T Ask<T>(Func<T> work)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        lock (s_one)
        {
            _ = s_thread.Value;
            s_work = () =>
            {
                try
                {
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
        Thread thread = new(Serve, 256 * 1024) { IsBackground = true, Name = "containers-visitor" };
        thread.Start();
        return thread;
    }

    // Goes home after each visit: a namespace that it stayed in would live for as long as it does.
    private static void Serve()
    {
        while (true)
        {
            s_asked.Wait();
            using PathHandle home = PathHandle.Open("/proc/thread-self/ns/net", Kernel.O_RDONLY);
            s_work!();
            s_work = null;
            Kernel.Check(Kernel.Call(SystemCall.setns, home.Descriptor, (long)Kernel.CLONE_NEWNET), "leave network namespace");
            s_answered.Release();
        }
    }
}
