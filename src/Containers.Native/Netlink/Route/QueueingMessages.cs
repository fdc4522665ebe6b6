using static Containers.Native.Netlink.NetlinkMessages;
using static Containers.Native.Netlink.Rtnetlink;

namespace Containers.Native.Netlink;

/// <summary>What netem does to packets that leave by a link: tc-netem(8). Shares are from 0 to 1.</summary>
internal readonly record struct NetemSettings()
{
    public TimeSpan Delay { get; init; }

    /// <summary>How much the delay may be off, to either side; evenly spread.</summary>
    public TimeSpan Jitter { get; init; }

    public double Loss { get; init; }

    public double Duplicate { get; init; }

    /// <summary>The share of packets that are not delayed, and so overtake others: there has to be a delay.</summary>
    public double Reorder { get; init; }

    /// <summary>The share of packets in which one bit is turned.</summary>
    public double Corrupt { get; init; }

    /// <summary>Bytes a second; 0 for as fast as it goes.</summary>
    public ulong Rate { get; init; }

    /// <summary>How many packets wait at most; more are dropped. A fast link with a long delay needs more than tc's 1000: rate × delay.</summary>
    public uint Limit { get; init; } = 1000;
}

/// <summary>Messages about the queueing disciplines of links: tc(8).</summary>
internal static class QueueingMessages
{
    private const ushort Put = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;

    /// <summary>Delays, loses, doubles, reorders, spoils what leaves by the link, in place of the queueing it has.</summary>
    /// <param name="handle">A number to know it by later, in the upper 16 bits; 0 for the kernel's choice.</param>
    public static void SetNetem(this NetlinkMessages messages, int link, in NetemSettings settings, uint handle = 0)
    {
        long delay = (long)settings.Delay.TotalNanoseconds, jitter = (long)settings.Jitter.TotalNanoseconds;
        Begin(messages, RTM_NEWQDISC, Put, "set queueing netem", link, handle, RouteHints.Netem);
        messages.Text(TCA_KIND, "netem");
        using (messages.Nest(TCA_OPTIONS, mark: false))
        {
            messages.Header(new tc_netem_qopt
            {
                latency = Ticks(delay),
                jitter = Ticks(jitter),
                limit = settings.Limit,
                loss = Share(settings.Loss),
                duplicate = Share(settings.Duplicate),
                gap = settings.Reorder > 0 ? 1u : 0, // each packet may be the one that overtakes
            });
            if (settings.Reorder > 0)
            {
                messages.Structure(TCA_NETEM_REORDER, new tc_netem_probability { probability = Share(settings.Reorder) });
            }

            if (settings.Corrupt > 0)
            {
                messages.Structure(TCA_NETEM_CORRUPT, new tc_netem_probability { probability = Share(settings.Corrupt) });
            }

            if (settings.Rate > 0)
            {
                messages.Structure(TCA_NETEM_RATE, new tc_netem_rate { rate = (uint)Math.Min(settings.Rate, uint.MaxValue) });
                if (settings.Rate > uint.MaxValue)
                {
                    messages.U64(TCA_NETEM_RATE64, settings.Rate);
                }
            }

            messages.U64(TCA_NETEM_LATENCY64, (ulong)delay); // to the nanosecond, and above 274 s: Linux 4.15. Older ones overlook it.
            messages.U64(TCA_NETEM_JITTER64, (ulong)jitter);
        }

        messages.End();
    }

    /// <summary>Limits the rate of what leaves by the link with a token bucket, in place of the queueing it has: tc-tbf(8).</summary>
    /// <param name="rate">Bytes a second.</param>
    /// <param name="burst">Bytes that may leave at once after a pause. A packet longer than that is dropped.</param>
    /// <param name="limit">Bytes that wait at most; what comes then is dropped.</param>
    /// <param name="handle">A number to know it by later, in the upper 16 bits; 0 for the kernel's choice.</param>
    public static void SetTokenBucket(this NetlinkMessages messages, int link, ulong rate, uint burst, uint limit, uint handle = 0)
    {
        ArgumentOutOfRangeException.ThrowIfZero(rate);
        Begin(messages, RTM_NEWQDISC, Put, "set queueing tbf", link, handle, RouteHints.TokenBucket);
        messages.Text(TCA_KIND, "tbf");
        using (messages.Nest(TCA_OPTIONS))
        {
            messages.Structure(TCA_TBF_PARMS, new tc_tbf_qopt
            {
                // Told what the link is, the kernel computes how long a packet takes, and wants no table of it (TCA_TBF_RTAB). Linux 3.9+.
                rate = new tc_ratespec { linklayer = TC_LINKLAYER_ETHERNET, rate = (uint)Math.Min(rate, uint.MaxValue) },
                limit = limit,
                buffer = Ticks((long)Math.Min(burst * 1e9 / rate, long.MaxValue / 2)),
            });
            messages.U32(TCA_TBF_BURST, burst);
            if (rate > uint.MaxValue)
            {
                messages.U64(TCA_TBF_RATE64, rate);
            }
        }

        messages.End();
    }

    /// <summary>Gives the link back the queueing that links of its kind begin with.</summary>
    /// <param name="handle">The one that is meant, in the upper 16 bits: EINVAL if there is another by now. 0 for any.</param>
    public static void DeleteRootQueueing(this NetlinkMessages messages, int link, uint handle = 0)
    {
        Begin(messages, RTM_DELQDISC, NLM_F_ACK, "delete queueing", link, handle, RouteHints.Queueing);
        messages.End();
    }

    private static void Begin(NetlinkMessages messages, ushort type, ushort flags, string operation, int link, uint handle, Func<Errno, string?> hint)
    {
        messages.Begin(type, flags, operation, LinkMessages.Number(link), hint);
        messages.Header(new tcmsg { tcm_ifindex = link, tcm_handle = handle, tcm_parent = TC_H_ROOT });
    }

    private static uint Ticks(long nanoseconds) => (uint)Math.Clamp(nanoseconds / NanosecondsPerTick, 0, uint.MaxValue);

    private static uint Share(double share) => (uint)Math.Round(share * uint.MaxValue);
}
