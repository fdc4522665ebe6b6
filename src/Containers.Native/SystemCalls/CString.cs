using System.Text;

namespace Containers.Native;

/// <summary>
/// A string as the kernel takes it: bytes with a NUL behind them. In memory of its own when it must outlive the call.
/// </summary>
internal static unsafe class CString
{
    /// <summary>Bytes of a string with a NUL behind them, for a <c>fixed</c> statement. A NUL within is refused.</summary>
    public static byte[] Bytes(string text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes.AsSpan(..^1).Contains((byte)0)
            ? throw new ArgumentException($"The text {text.Replace("\0", "\\0", StringComparison.Ordinal)} has a NUL in it, which ends a string for the kernel.", nameof(text))
            : bytes;
    }

    /// <summary>The string at an address.</summary>
    public static string Read(byte* address)
        => Encoding.UTF8.GetString(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(address));
}
