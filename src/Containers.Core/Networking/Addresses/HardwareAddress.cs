using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Containers.Networking;

/// <summary>MAC addresses, as 02:42:ac:1e:00:03.</summary>
internal readonly record struct HardwareAddress(PhysicalAddress Value)
{
    /// <exception cref="NetworkException">It is none that a link can have.</exception>
    public static HardwareAddress Parse(string text)
    {
        string[] parts = text.Split(':', '-');
        byte[] bytes = new byte[6];
        bool valid = parts.Length == 6;
        for (int i = 0; valid && i < 6; i++)
        {
            valid = parts[i].Length == 2 && byte.TryParse(parts[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[i]);
        }

        if (!valid)
        {
            throw new NetworkException($"\"{text}\" is no hardware address.", "Write it as 02:42:ac:1e:00:03.");
        }

        return (bytes[0] & 1) == 0 && bytes.Any(b => b != 0)
            ? new HardwareAddress(new PhysicalAddress(bytes))
            : throw new NetworkException($"\"{text}\" is a multicast address, or nothing but zeros: a link cannot have it.");
    }

    /// <summary>
    /// One that is locally administered and made of the IP address, so that who has the IP address next has this one, too,
    /// and what others remember of the one before is still right.
    /// </summary>
    public static HardwareAddress Of(IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        byte second = address.AddressFamily == AddressFamily.InterNetwork ? (byte)0xc0 : (byte)0xc6;
        return new HardwareAddress(new PhysicalAddress([0x02, second, .. bytes.AsSpan(bytes.Length - 4)]));
    }

    public override string ToString() => string.Join(':', Value.GetAddressBytes().Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
}
