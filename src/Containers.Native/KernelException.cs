using Containers.Native;

namespace Containers;

/// <summary>A system call failed. The message reads like <c>mount overlay on "/": EPERM (Operation not permitted). Hint.</c></summary>
public class KernelException : ContainerException
{
    /// <summary>Creates one from its parts.</summary>
    /// <param name="operation">What was tried, in words: "open", "mount overlay".</param>
    /// <param name="operand">What it was tried on: a path, an id; null where there is nothing to name.</param>
    /// <param name="errno">The kernel's answer.</param>
    /// <param name="hint">What would help, as a sentence.</param>
    public KernelException(string operation, string? operand, Errno errno, string? hint = null)
        : base($"{operation}{(operand is null ? "" : $" \"{operand}\"")}: {ErrnoText.Describe(errno)}.", hint)
    {
        Operation = operation;
        Operand = operand;
        Errno = errno;
    }

    /// <summary>What was tried, in words: "open", "mount overlay".</summary>
    public string Operation { get; }

    /// <summary>What it was tried on: a path, an id; null where there is nothing to name.</summary>
    public string? Operand { get; }

    /// <summary>The kernel's answer.</summary>
    public Errno Errno { get; }
}
