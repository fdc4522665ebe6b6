namespace Containers;

/// <summary>The kernel refused a change of links, addresses, routes or rules. Beside the error's number it often says a sentence: that is in the message.</summary>
public class NetlinkException : KernelException
{
    /// <summary>Creates one from its parts.</summary>
    /// <param name="operation">What was tried, in words: "add link".</param>
    /// <param name="operand">What it was tried on.</param>
    /// <param name="errno">The kernel's answer.</param>
    /// <param name="kernelMessage">The kernel's sentence; null where it had none.</param>
    /// <param name="hint">What would help, as a sentence.</param>
    public NetlinkException(string operation, string? operand, Errno errno, string? kernelMessage = null, string? hint = null)
        : base(operation, operand, errno, Join(kernelMessage, hint)) => KernelMessage = kernelMessage;

    /// <summary>The kernel's sentence (extended ACK, Linux 4.12+); null where it had none.</summary>
    public string? KernelMessage { get; }

    private static string? Join(string? kernelMessage, string? hint)
        => kernelMessage is null ? hint : $"The kernel says: \"{kernelMessage.TrimEnd('.')}\".{(hint is null ? "" : " " + hint)}";
}
