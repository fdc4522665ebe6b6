namespace Containers.Benchmarks.Peers;

internal static class Statistics
{
    /// <summary>The value that this share of all values does not exceed (nearest rank; the median of an even number is between two).</summary>
    public static double Percentile(IReadOnlyCollection<double> values, double percent)
    {
        double[] sorted = [.. values.Order()];
        double rank = percent / 100 * sorted.Length;
        int at = Math.Clamp((int)Math.Ceiling(rank) - 1, 0, sorted.Length - 1);
        return percent == 50 && sorted.Length % 2 == 0 ? (sorted[at] + sorted[at + 1]) / 2 : sorted[at];
    }
}
