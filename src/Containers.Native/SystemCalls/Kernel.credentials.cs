using System.Runtime.InteropServices;

namespace Containers.Native;

// linux/keyctl.h, linux/prctl.h, linux/sched/types.h.
internal static unsafe partial class Kernel
{
    public const int KEYCTL_JOIN_SESSION_KEYRING = 1;

    public const int PR_SET_KEEPCAPS = 8;
    public const int PR_SET_NAME = 15;
    public const int PR_CAP_AMBIENT_RAISE = 2;

    /// <summary>SCHED_ATTR_SIZE_VER0.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct sched_attr
    {
        public uint size;
        public uint sched_policy;
        public ulong sched_flags;
        public int sched_nice;
        public uint sched_priority;
        public ulong sched_runtime;
        public ulong sched_deadline;
        public ulong sched_period;
    }
}
