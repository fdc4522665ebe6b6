using System.Globalization;

namespace Containers;

/// <summary>
/// How bad a link is made: for what leaves by it, so that a bad cable is one that is impaired at both ends. A rate alone is kept by a token bucket (sch_tbf);
/// all else needs sch_netem in the kernel (CONFIG_NET_SCH_NETEM).
/// </summary>
public sealed record LinkConditions
{
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(1);

    /// <summary>Bits a second at most, headers of frames included; null for as fast as it goes. At least 8000.</summary>
    public long? RateBitsPerSecond { get; init; }

    /// <summary>How much later packets leave: up to an hour.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>How much the delay may be off, to either side, evenly spread; at most the delay. Packets may overtake each other then.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>Packets that are lost, in percent: 0 to 100.</summary>
    public double Loss { get; init; }

    /// <summary>Packets that leave twice, in percent: 0 to 100.</summary>
    public double Duplicate { get; init; }

    /// <summary>Packets that leave at once, and so overtake those that are delayed, in percent: 0 to 100. There has to be a delay.</summary>
    public double Reorder { get; init; }

    /// <summary>Packets in which one bit is turned, in percent: 0 to 100.</summary>
    public double Corrupt { get; init; }

    internal bool NeedsNetem => Delay > TimeSpan.Zero || Jitter > TimeSpan.Zero || Loss > 0 || Duplicate > 0 || Reorder > 0 || Corrupt > 0;

    internal ulong RateBytesPerSecond => (ulong)(RateBitsPerSecond ?? 0) / 8;

    /// <exception cref="ContainerException">A value is out of its range, or nothing is said.</exception>
    internal void Check()
    {
        Percent(Loss, "loss");
        Percent(Duplicate, "duplicates");
        Percent(Reorder, "reordering");
        Percent(Corrupt, "corruption");
        if (Delay < TimeSpan.Zero || Delay > s_longest)
        {
            throw new ContainerException($"A link cannot delay by {Delay}.", "From nothing to one hour.");
        }

        if (Jitter < TimeSpan.Zero || Jitter > Delay)
        {
            throw new ContainerException($"A delay of {Delay} cannot be off by {Jitter}.", "From nothing to the delay itself.");
        }

        if (Reorder > 0 && Delay == TimeSpan.Zero)
        {
            throw new ContainerException("Packets can overtake others only when those are delayed.", "Reordering needs a delay.");
        }

        if (RateBitsPerSecond is < 8000)
        {
            throw new ContainerException(string.Create(CultureInfo.InvariantCulture, $"A rate of {RateBitsPerSecond} bits a second lets next to nothing through."), "It is 8000 at least.");
        }

        if (RateBitsPerSecond is null && !NeedsNetem)
        {
            throw new ContainerException("The conditions of the link are those that it has: nothing is to be impaired.");
        }
    }

    private static void Percent(double value, string what)
    {
        if (!(value is >= 0 and <= 100)) // no number is neither
        {
            throw new ContainerException(string.Create(CultureInfo.InvariantCulture, $"{value} % of {what} is no share of packets."), "It is 0 to 100.");
        }
    }
}
