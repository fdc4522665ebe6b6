using Containers.Native.Seccomp;

namespace Containers;

/// <summary>What becomes of a system call: seccomp(2), "Filter return values".</summary>
public readonly record struct SeccompAction
{
    private SeccompAction(uint value) => Value = value;

    /// <summary>It is executed.</summary>
    public static SeccompAction Allow { get; } = new(SeccompReturn.ALLOW);

    /// <summary>It is executed, and written to the host's audit log.</summary>
    public static SeccompAction Log { get; } = new(SeccompReturn.LOG);

    /// <summary>The process ends by SIGSYS, with all its threads.</summary>
    public static SeccompAction KillProcess { get; } = new(SeccompReturn.KILL_PROCESS);

    /// <summary>The calling thread ends by SIGSYS.</summary>
    public static SeccompAction KillThread { get; } = new(SeccompReturn.KILL_THREAD);

    /// <summary>The thread is sent SIGSYS, which it can handle.</summary>
    public static SeccompAction Trap { get; } = new(SeccompReturn.TRAP);

    /// <summary>It fails with an errno.</summary>
    /// <param name="errno">What the caller sees.</param>
    public static SeccompAction Fail(Errno errno = Errno.EPERM) => new(SeccompReturn.ERRNO | ((uint)errno & SeccompReturn.DATA));

    /// <summary>A tracer decides; without one it fails with ENOSYS.</summary>
    /// <param name="message">What the tracer is told (PTRACE_GETEVENTMSG).</param>
    public static SeccompAction Trace(ushort message = 0) => new(SeccompReturn.TRACE | message);

    internal uint Value { get; }

    /// <summary>As "allow", "errno EPERM", "kill process".</summary>
    public override string ToString() => (Value & SeccompReturn.ACTION) switch
    {
        SeccompReturn.ALLOW => "allow",
        SeccompReturn.LOG => "log",
        SeccompReturn.KILL_PROCESS => "kill process",
        SeccompReturn.KILL_THREAD => "kill thread",
        SeccompReturn.TRAP => "trap",
        SeccompReturn.ERRNO => $"errno {(Errno)(Value & SeccompReturn.DATA)}",
        SeccompReturn.TRACE => $"trace {Value & SeccompReturn.DATA}",
        _ => $"0x{Value:x}",
    };
}
