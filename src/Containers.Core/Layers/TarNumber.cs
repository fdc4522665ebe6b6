using System.Buffers.Binary;

namespace Containers.Layers;

/// <summary>Numbers in the fields of a tar header.</summary>
internal static class TarNumber
{
    /// <summary>
    /// Octal digits with spaces or NULs around them (tar(5)), or, when the first bit is set, a big-endian two's complement
    /// number (GNU base-256, also star's). An empty field is zero, as every reader takes it.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        if (field[0] >= 0x80)
        {
            return TryParseBase256(field, out value);
        }

        int at = 0;
        while (at < field.Length && field[at] is (byte)' ' or 0)
        {
            at++;
        }

        for (; at < field.Length && field[at] is >= (byte)'0' and <= (byte)'7'; at++)
        {
            value = (value << 3) | (long)(field[at] - '0'); // 12 digits are 36 bits
        }

        return field[at..].IndexOfAnyExcept((byte)' ', (byte)0) < 0;
    }

    private static bool TryParseBase256(ReadOnlySpan<byte> field, out long value)
    {
        value = BinaryPrimitives.ReadInt64BigEndian(field[^8..]);
        bool negative = field[0] == 0xff;
        if (field.Length == 8)
        {
            // The marker bit lies in the number itself: 63 bits, or with 0xff as the first byte a negative one of 56.
            if (!negative)
            {
                value &= long.MaxValue;
            }

            return negative || field[0] == 0x80;
        }

        byte filler = negative ? (byte)0xff : (byte)0;
        return (negative || field[0] == 0x80) && field[1..^8].IndexOfAnyExcept(filler) < 0 && value < 0 == negative;
    }

    /// <summary>Decimal digits and nothing else, as pax records have them.</summary>
    public static bool TryParseDecimal(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        if (text.IsEmpty)
        {
            return false;
        }

        foreach (byte digit in text)
        {
            if (digit is < (byte)'0' or > (byte)'9' || value > (long.MaxValue - (digit - '0')) / 10)
            {
                return false;
            }

            value = value * 10 + (digit - '0');
        }

        return true;
    }

    /// <summary>Seconds with an optional sign and fraction. The fraction of a negative time counts upwards, as in struct timespec: -1.25 is -2 s + 750 ms.</summary>
    public static bool TryParseTime(ReadOnlySpan<byte> text, out Native.Kernel.timespec time)
    {
        time = default;
        bool negative = text.StartsWith("-"u8);
        text = negative ? text[1..] : text;
        int dot = text.IndexOf((byte)'.');
        ReadOnlySpan<byte> fraction = dot < 0 ? [] : text[(dot + 1)..];
        if (!TryParseDecimal(dot < 0 ? text : text[..dot], out long seconds))
        {
            return false;
        }

        long nanoseconds = 0;
        bool more = false;
        for (int i = 0; i < Math.Max(9, fraction.Length); i++)
        {
            int digit = i < fraction.Length ? fraction[i] - '0' : 0;
            if (digit is < 0 or > 9)
            {
                return false;
            }

            more |= i >= 9 && digit != 0;
            nanoseconds = i < 9 ? nanoseconds * 10 + digit : nanoseconds;
        }

        if (negative)
        {
            nanoseconds += more ? 1 : 0; // towards the past, as GNU tar cuts
            seconds = -seconds;
            if (nanoseconds > 0)
            {
                seconds--;
                nanoseconds = 1_000_000_000 - nanoseconds;
            }
        }

        time = new() { tv_sec = seconds, tv_nsec = nanoseconds };
        return true;
    }
}
