using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Containers.Native;

/// <summary>
/// System calls from managed code, one partial class with a file per C header. Each method has the kernel's name, takes
/// plain numbers and pointers, and returns what the kernel returns: -errno on failure. What is meant for more than one
/// caller is wrapped in a handle or a class of its own; nothing of this is public.
/// </summary>
/// <remarks>
/// They go through the launcher library and not through libc: one table of numbers serves these calls and the child's
/// steps, there is no errno to fetch behind the marshaller, and glibc and musl are the same to us.
/// </remarks>
internal static unsafe partial class Kernel
{
    private const string Library = "containers_launch";

    [LibraryImport(Library)]
    private static partial long containers_syscall(long number, long a, long b, long c, long d, long e, long f);

    [LibraryImport(Library)]
    internal static partial long containers_launch(void* program, ulong flags, ulong exitSignal, long cgroup);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Call(SystemCall call, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0)
        => containers_syscall(call.Number, a, b, c, d, e, f);

    /// <summary>A call that is made again when a signal interrupted it.</summary>
    public static long Retry(SystemCall call, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0)
    {
        long result;
        do
        {
            result = containers_syscall(call.Number, a, b, c, d, e, f);
        }
        while (result == -(long)Errno.EINTR);
        return result;
    }

    /// <summary>Returns the result of a call, or throws what the kernel answered.</summary>
    /// <param name="result">What the call returned.</param>
    /// <param name="operation">What was tried, in words: "open", "mount overlay".</param>
    /// <param name="operand">On what.</param>
    /// <exception cref="KernelException">The result was an error.</exception>
    public static long Check(long result, string operation, string? operand = null)
        => result >= 0 ? result : throw new KernelException(operation, operand, (Errno)(-result));
}
