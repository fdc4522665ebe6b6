using System.Globalization;

namespace ContainerCli;

/// <summary>Sizes and times as people write them.</summary>
internal static class Quantities
{
    /// <summary>"512m", "1.5g", "4096".</summary>
    public static long Bytes(string text)
    {
        string number = text.TrimEnd('b', 'B', 'i');
        int shift = number is [.., var unit] ? "kmgt".IndexOf(char.ToLowerInvariant(unit), StringComparison.Ordinal) + 1 : 0;
        return double.TryParse(shift > 0 ? number[..^1] : number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= 0
            ? (long)(value * (1L << (10 * shift)))
            : throw new ArgumentException($"\"{text}\" is no size: write 4096, 512k, 256m or 2g.");
    }

    /// <summary>"10", "10s", "5m", "1h", "250ms".</summary>
    public static TimeSpan Time(string text)
    {
        (string number, double seconds) = text switch
        {
            [.. var rest, 'm', 's'] => (rest, 0.001),
            [.. var rest, 's'] => (rest, 1),
            [.. var rest, 'm'] => (rest, 60),
            [.. var rest, 'h'] => (rest, 3600),
            _ => (text, 1),
        };
        return double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0
            ? TimeSpan.FromSeconds(value * seconds)
            : throw new ArgumentException($"\"{text}\" is no time: write 10s, 5m, 1h or 250ms.");
    }

    /// <summary>"12.3 MB".</summary>
    public static string Size(long bytes)
    {
        (double value, string unit) = bytes switch
        {
            < 1000 => (bytes, "B"),
            < 1_000_000 => (bytes / 1e3, "kB"),
            < 1_000_000_000 => (bytes / 1e6, "MB"),
            _ => (bytes / 1e9, "GB"),
        };
        return value.ToString(value < 10 && unit != "B" ? "0.0" : "0", CultureInfo.InvariantCulture) + " " + unit;
    }

    /// <summary>"3 days ago".</summary>
    public static string Ago(DateTimeOffset? time)
    {
        if (time is not { } then || then.Year < 1980)
        {
            return "";
        }

        TimeSpan since = DateTimeOffset.UtcNow - then;
        (double count, string unit) = since.TotalMinutes < 1 ? (since.TotalSeconds, "second")
            : since.TotalHours < 1 ? (since.TotalMinutes, "minute")
            : since.TotalDays < 1 ? (since.TotalHours, "hour")
            : since.TotalDays < 60 ? (since.TotalDays, "day")
            : since.TotalDays < 730 ? (since.TotalDays / 30.4, "month")
            : (since.TotalDays / 365.25, "year");
        long whole = Math.Max(0, (long)count);
        return $"{whole} {unit}{(whole == 1 ? "" : "s")} ago";
    }

    /// <summary>The first twelve digits of an id.</summary>
    public static string Short(string digest) => digest.StartsWith("sha256:", StringComparison.Ordinal) ? digest[7..19] : digest;
}
