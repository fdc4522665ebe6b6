using System.Runtime.InteropServices;

namespace Containers.Native;

// asm-generic/ioctls.h and termbits.h: terminals. The same numbers on x86-64 and arm64.
internal static unsafe partial class Kernel
{
    public const uint TCGETS = 0x5401;
    public const uint TCSETSW = 0x5403;
    public const uint TIOCSCTTY = 0x540e;
    public const uint TIOCGWINSZ = 0x5413;
    public const uint TIOCSWINSZ = 0x5414;
    public const uint TIOCGPTN = 0x80045430;
    public const uint TIOCSPTLCK = 0x40045431;
    public const uint TIOCGPTPEER = 0x5441;

    // c_iflag
    public const uint BRKINT = 0x2, IGNBRK = 0x1, PARMRK = 0x8, ISTRIP = 0x20, INLCR = 0x40, IGNCR = 0x80, ICRNL = 0x100, IXON = 0x400;

    // c_oflag, c_cflag, c_lflag
    public const uint OPOST = 0x1;
    public const uint CSIZE = 0x30, CS8 = 0x30, PARENB = 0x100;
    public const uint ISIG = 0x1, ICANON = 0x2, ECHO = 0x8, ECHONL = 0x40, IEXTEN = 0x8000;
    public const int VTIME = 5, VMIN = 6;

    [StructLayout(LayoutKind.Sequential)]
    public struct winsize
    {
        public ushort ws_row, ws_col, ws_xpixel, ws_ypixel;
    }

    /// <summary>As the kernel has it, which is not as libc has it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct termios
    {
        public uint c_iflag, c_oflag, c_cflag, c_lflag;
        public byte c_line;
        public fixed byte c_cc[19];
    }
}
