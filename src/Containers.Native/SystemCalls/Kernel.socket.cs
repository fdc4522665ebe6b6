using System.Runtime.InteropServices;

namespace Containers.Native;

// sys/socket.h: what netlink needs of it.
internal static unsafe partial class Kernel
{
    public const int AF_UNSPEC = 0;
    public const int AF_UNIX = 1;
    public const int AF_INET = 2;
    public const int AF_BRIDGE = 7;
    public const int AF_INET6 = 10;
    public const int AF_NETLINK = 16;

    public const int SOCK_STREAM = 1;
    public const int SOCK_DGRAM = 2;
    public const int SOCK_RAW = 3;
    public const int SOCK_CLOEXEC = 0x80000;

    public const int SOL_SOCKET = 1;
    public const int SCM_RIGHTS = 1;
    public const int SO_SNDBUF = 7;
    public const int SO_RCVBUF = 8;
    public const int SO_SNDBUFFORCE = 32;
    public const int SO_RCVBUFFORCE = 33;
    public const int SOL_NETLINK = 270;

    public const int MSG_TRUNC = 0x20;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_CMSG_CLOEXEC = 0x40000000;

    [StructLayout(LayoutKind.Sequential)]
    public struct iovec
    {
        public void* iov_base;
        public ulong iov_len;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct msghdr
    {
        public void* msg_name;
        public uint msg_namelen;
        public iovec* msg_iov;
        public ulong msg_iovlen;
        public void* msg_control;
        public ulong msg_controllen;
        public int msg_flags;
    }

    /// <summary>A control message with one descriptor in it: cmsg(3), SCM_RIGHTS.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct cmsg_descriptor
    {
        public ulong cmsg_len;
        public int cmsg_level, cmsg_type;
        public int descriptor, padding;
    }

    /// <summary>What cmsg_len says of it: without the padding.</summary>
    public const ulong CMSG_DESCRIPTOR_LENGTH = 20;

    public static int socket(int family, int type, int protocol)
        => (int)Call(SystemCall.socket, family, type | SOCK_CLOEXEC, protocol);

    public static int setsockopt(int socket, int level, int option, int value)
        => (int)Call(SystemCall.setsockopt, socket, level, option, (long)&value, sizeof(int));

    public static long send(int socket, byte* data, int length)
        => Retry(SystemCall.sendto, socket, (long)data, length, 0, 0, 0);

    public static long recv(int socket, byte* data, int length, int flags)
        => Retry(SystemCall.recvfrom, socket, (long)data, length, flags, 0, 0);
}
