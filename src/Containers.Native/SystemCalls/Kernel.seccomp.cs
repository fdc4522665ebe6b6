using System.Runtime.InteropServices;

namespace Containers.Native;

// linux/seccomp.h, linux/filter.h.
internal static unsafe partial class Kernel
{
    public const int SECCOMP_SET_MODE_FILTER = 1;
    public const int SECCOMP_FILTER_FLAG_NEW_LISTENER = 8; // Linux 5.0

    [StructLayout(LayoutKind.Sequential)]
    public struct sock_fprog
    {
        public ushort len;
        public void* filter;
    }
}
