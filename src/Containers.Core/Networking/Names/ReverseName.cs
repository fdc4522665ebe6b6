using System.Globalization;
using System.Net;

namespace Containers.Networking;

/// <summary>Addresses written as names, backwards: 4.3.2.1.in-addr.arpa (RFC 1035), and a label for each half of a byte under ip6.arpa (RFC 3596).</summary>
internal static class ReverseName
{
    private const string Four = ".in-addr.arpa", Six = ".ip6.arpa";

    /// <returns>Null when the name stands for no whole address.</returns>
    public static IPAddress? Parse(string name)
        => name.EndsWith(Four, StringComparison.Ordinal) ? ParseFour(name[..^Four.Length].Split('.'))
            : name.EndsWith(Six, StringComparison.Ordinal) ? ParseSix(name[..^Six.Length].Split('.'))
            : null;

    private static IPAddress? ParseFour(string[] labels)
    {
        if (labels.Length != 4)
        {
            return null;
        }

        byte[] address = new byte[4];
        for (int i = 0; i < 4; i++)
        {
            if (!byte.TryParse(labels[3 - i], NumberStyles.None, CultureInfo.InvariantCulture, out address[i]) || labels[3 - i].Length != DigitsOf(address[i]))
            {
                return null;
            }
        }

        return new IPAddress(address);
    }

    private static IPAddress? ParseSix(string[] labels)
    {
        if (labels.Length != 32)
        {
            return null;
        }

        byte[] address = new byte[16];
        for (int i = 0; i < 32; i++)
        {
            if (labels[31 - i] is not [char digit] || !char.IsAsciiHexDigit(digit))
            {
                return null;
            }

            address[i / 2] = (byte)((address[i / 2] << 4) | Convert.ToInt32(digit.ToString(), 16));
        }

        return new IPAddress(address);
    }

    private static int DigitsOf(byte value) => value < 10 ? 1 : value < 100 ? 2 : 3;
}
