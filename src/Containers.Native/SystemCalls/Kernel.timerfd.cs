using System.Runtime.InteropServices;

namespace Containers.Native;

// sys/timerfd.h, time.h.
internal static unsafe partial class Kernel
{
    public const int CLOCK_MONOTONIC = 1;
    public const int TFD_NONBLOCK = O_NONBLOCK;
    public const int TFD_CLOEXEC = O_CLOEXEC;

    [StructLayout(LayoutKind.Sequential)]
    public struct itimerspec
    {
        public timespec it_interval;
        public timespec it_value;
    }

    public static int timerfd_create(int clock) => (int)Call(SystemCall.timerfd_create, clock, TFD_CLOEXEC | TFD_NONBLOCK);

    public static int timerfd_settime(int timer, itimerspec* value) => (int)Call(SystemCall.timerfd_settime, timer, 0, (long)value);
}
