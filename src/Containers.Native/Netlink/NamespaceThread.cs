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

        T result = default!;
        ExceptionDispatchInfo? failure = null;
        lock (s_one)
        {
            _ = s_thread.Value;
            s_work = () =>
            {
                try
                {
                    using DescriptorHandle.Use use = networkNamespace.Borrow();
                    Kernel.Check(Kernel.Call(SystemCall.setns, use.Descriptor, (long)Kernel.CLONE_NEWNET), "enter network namespace");
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

    /// <inheritdoc cref="Run{T}"/>
    public static void Run(NamespaceHandle? networkNamespace, Action work) => Run(networkNamespace, () =>
    {
        work();
        return true;
    });

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
