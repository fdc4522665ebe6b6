using System.Runtime.InteropServices;
using Containers.Native.Seccomp;

namespace Containers.Native;

// linux/seccomp.h, linux/filter.h.
internal static unsafe partial class Kernel
{
    public const int SECCOMP_SET_MODE_FILTER = 1;
    public const int SECCOMP_FILTER_FLAG_NEW_LISTENER = 8; // Linux 5.0
    public const int SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32; // Linux 5.19

    public const long SECCOMP_IOCTL_NOTIF_RECV = 0xC0502100; // _IOWR('!', 0, struct seccomp_notif)
    public const long SECCOMP_IOCTL_NOTIF_SEND = 0xC0182101; // _IOWR('!', 1, struct seccomp_notif_resp)
    public const long SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102; // _IOW('!', 2, __u64)
    public const uint SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1; // Linux 5.5

    [StructLayout(LayoutKind.Sequential)]
    public struct sock_fprog
    {
        public ushort len;
        public void* filter;
    }

    /// <summary>A call that waits for an answer.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 80)]
    public struct seccomp_notif
    {
        public ulong id;
        public uint pid;
        public uint flags;
        public seccomp_data data;
    }

    [StructLayout(LayoutKind.Sequential, Size = 24)]
    public struct seccomp_notif_resp
    {
        public ulong id;
        public long val;
        public int error;
        public uint flags;
    }
}
