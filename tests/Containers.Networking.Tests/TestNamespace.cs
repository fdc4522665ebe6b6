using System.Globalization;
using System.Runtime.ExceptionServices;
using Containers.Native;

namespace Containers.Tests;

/// <summary>A network namespace of a test's own, with nothing in it but lo, which is up. Programs are run in it by nsenter.</summary>
internal sealed class TestNamespace : IDisposable
{
    public TestNamespace()
    {
        NamespaceHandle? made = null;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                Kernel.Check(Kernel.Call(SystemCall.unshare, (long)Kernel.CLONE_NEWNET), "unshare");
                using PathHandle path = PathHandle.Open("/proc/thread-self/ns/net", Kernel.O_RDONLY);
                made = new NamespaceHandle((int)Kernel.Check(Kernel.fcntl(path.Descriptor, Kernel.F_DUPFD_CLOEXEC, 3), "fcntl"));
            }
            catch (KernelException e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start(); // and its end: what it unshared stays by the handle
        thread.Join();
        failure?.Throw();
        Handle = made!;
        Run("ip", "link", "set", "lo", "up");
    }

    public NamespaceHandle Handle { get; }

    /// <summary>For programs that take a path.</summary>
    public string Path => string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{Handle.Descriptor}");

    public string Run(params string[] command) => Tool.Run("nsenter", [$"--net={Path}", .. command]);

    public (int ExitCode, string Output, string Error) Try(params string[] command) => Tool.Try("nsenter", [$"--net={Path}", .. command]);

    public void Dispose() => Handle.Dispose();
}
