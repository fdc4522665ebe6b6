namespace Containers.Native.Netlink;

/// <summary>
/// Switches <c>lo</c> on: a new network namespace has this one link, and it is down. By ioctl (netdevice(7)), since it is
/// two system calls with nothing to read, which a launch plan can hold as steps.
/// </summary>
internal static unsafe class Loopback
{
    public const long SIOCSIFFLAGS = 0x8914;
    public const int RequestSize = 40; // struct ifreq: name[16], and flags among what else it may be

    private const byte IFF_UP_RUNNING = 0x41;

    /// <summary>The request: what to set on which link.</summary>
    public static void WriteRequest(Span<byte> request)
    {
        request.Clear();
        "lo"u8.CopyTo(request);
        request[16] = IFF_UP_RUNNING;
    }

    /// <summary>Sets the one of the calling thread's namespace up.</summary>
    /// <returns>As the system calls do: -errno on failure.</returns>
    public static long SetUp()
    {
        byte* request = stackalloc byte[RequestSize];
        WriteRequest(new Span<byte>(request, RequestSize));
        int descriptor = Kernel.socket(Kernel.AF_INET, Kernel.SOCK_DGRAM, 0);
        if (descriptor < 0)
        {
            return descriptor;
        }

        using PathHandle socket = new(descriptor);
        return Kernel.Call(SystemCall.ioctl, descriptor, SIOCSIFFLAGS, (long)request);
    }

    /// <summary>Sets the one of a deputy's namespace up.</summary>
    /// <returns>As the system calls do: -errno on failure.</returns>
    public static long SetUp(Deputy deputy)
    {
        byte* request = stackalloc byte[RequestSize];
        WriteRequest(new Span<byte>(request, RequestSize));
        long descriptor = deputy.Call(SystemCall.socket, Kernel.AF_INET, Kernel.SOCK_DGRAM | Kernel.SOCK_CLOEXEC);
        if (descriptor < 0)
        {
            return descriptor;
        }

        using PathHandle socket = new((int)descriptor);
        return deputy.Call(SystemCall.ioctl, descriptor, SIOCSIFFLAGS, (long)request);
    }
}
