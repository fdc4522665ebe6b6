namespace Containers.Native;

// sys/socket.h: what netlink needs of it.
internal static unsafe partial class Kernel
{
    public const int AF_UNSPEC = 0;
    public const int AF_INET = 2;
    public const int AF_BRIDGE = 7;
    public const int AF_INET6 = 10;
    public const int AF_NETLINK = 16;

    public const int SOCK_STREAM = 1;
    public const int SOCK_DGRAM = 2;
    public const int SOCK_RAW = 3;
    public const int SOCK_CLOEXEC = 0x80000;

    public const int SOL_SOCKET = 1;
    public const int SO_SNDBUF = 7;
    public const int SO_RCVBUF = 8;
    public const int SO_SNDBUFFORCE = 32;
    public const int SO_RCVBUFFORCE = 33;
    public const int SOL_NETLINK = 270;

    public const int MSG_TRUNC = 0x20;

    public static int socket(int family, int type, int protocol)
        => (int)Call(SystemCall.socket, family, type | SOCK_CLOEXEC, protocol);

    public static int setsockopt(int socket, int level, int option, int value)
        => (int)Call(SystemCall.setsockopt, socket, level, option, (long)&value, sizeof(int));

    public static long send(int socket, byte* data, int length)
        => Retry(SystemCall.sendto, socket, (long)data, length, 0, 0, 0);

    public static long recv(int socket, byte* data, int length, int flags)
        => Retry(SystemCall.recvfrom, socket, (long)data, length, flags, 0, 0);
}
