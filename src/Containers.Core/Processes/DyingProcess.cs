using System.Buffers.Text;
using System.Globalization;
using Containers.Native;

namespace Containers;

/// <summary>
/// Whether a process is on its way out already. To kill it then succeeds, and tells nothing: a limit that is reached in the
/// moment in which the kernel is out of memory would take the blame.
/// </summary>
internal static unsafe class DyingProcess
{
    private const ulong PF_EXITING = 4; // linux/sched.h
    private const int FlagsField = 9, SignalsField = 31; // proc_pid_stat(5): "flags", "signal"

    /// <param name="pid">A child of this process whose status has not been taken.</param>
    /// <returns>False, too, where /proc does not tell.</returns>
    public static bool Is(int pid)
    {
        byte* buffer = stackalloc byte[1024];
        int file;
        fixed (byte* path = CString.Bytes(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat")))
        {
            file = Kernel.openat(Kernel.AT_FDCWD, path, Kernel.O_RDONLY);
        }

        if (file < 0)
        {
            return false;
        }

        long length = Kernel.read(file, buffer, 1024);
        _ = Kernel.close(file);
        return length > 0 && Is(new ReadOnlySpan<byte>(buffer, (int)length));
    }

    // The second field is a name in parentheses, with whatever the process has put into it.
    internal static bool Is(ReadOnlySpan<byte> stat)
    {
        stat = stat[(stat.LastIndexOf((byte)')') + 1)..];
        int number = 2;
        foreach (Range range in stat.Split((byte)' '))
        {
            ReadOnlySpan<byte> field = stat[range];
            if (field.IsEmpty)
            {
                continue;
            }

            number++;
            bool dying = number switch
            {
                3 => field[0] is (byte)'Z' or (byte)'X',
                FlagsField => Utf8Parser.TryParse(field, out ulong flags, out _) && (flags & PF_EXITING) != 0,
                SignalsField => Utf8Parser.TryParse(field, out ulong signals, out _) && (signals & 1UL << (Kernel.SIGKILL - 1)) != 0,
                _ => false,
            };
            if (dying)
            {
                return true;
            }
        }

        return false;
    }
}
