using System.Runtime.InteropServices;

namespace Containers.Native.Netlink;

// linux/pkt_sched.h
internal static partial class Rtnetlink
{
    public const uint TC_H_ROOT = 0xFFFFFFFF;
    public const byte TC_LINKLAYER_ETHERNET = 1;

    public const ushort TCA_TBF_PARMS = 1, TCA_TBF_RATE64 = 4, TCA_TBF_BURST = 6;
    public const ushort TCA_NETEM_REORDER = 3, TCA_NETEM_CORRUPT = 4, TCA_NETEM_RATE = 6, TCA_NETEM_RATE64 = 8;
    public const ushort TCA_NETEM_LATENCY64 = 10, TCA_NETEM_JITTER64 = 11;

    // The unit of times in queueing, fixed since Linux 2.6.31 (PSCHED_SHIFT is 6), and what /proc/net/psched tells.
    public const int NanosecondsPerTick = 64;

    [StructLayout(LayoutKind.Sequential)]
    public struct tc_ratespec
    {
        public byte cell_log;
        public byte linklayer;
        public ushort overhead;
        public short cell_align;
        public ushort mpu;
        public uint rate;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct tc_tbf_qopt
    {
        public tc_ratespec rate;
        public tc_ratespec peakrate;
        public uint limit;
        public uint buffer;
        public uint mtu;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct tc_netem_qopt
    {
        public uint latency;
        public uint limit;
        public uint loss;
        public uint gap;
        public uint duplicate;
        public uint jitter;
    }

    /// <summary>struct tc_netem_reorder and struct tc_netem_corrupt.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct tc_netem_probability
    {
        public uint probability;
        public uint correlation;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct tc_netem_rate
    {
        public uint rate;
        public int packet_overhead;
        public uint cell_size;
        public int cell_overhead;
    }
}
