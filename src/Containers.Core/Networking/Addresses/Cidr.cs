using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Numerics;

namespace Containers.Networking;

/// <summary>Addresses and subnets as people write them.</summary>
internal static class Cidr
{
    /// <summary>An address, with the length of its subnet's prefix when one is given: "172.30.0.3", "172.30.0.3/16".</summary>
    /// <exception cref="NetworkException">It is none.</exception>
    public static (IPAddress Address, int? PrefixLength) ParseAddress(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string head = slash < 0 ? text : text[..slash];
        if (!IPAddress.TryParse(head, out IPAddress? address) || (address.AddressFamily == AddressFamily.InterNetwork && head.Count(c => c == '.') != 3) || head.Contains('%', StringComparison.Ordinal))
        {
            throw new NetworkException($"\"{text}\" is no IP address.", "Write it as 172.30.0.3, 172.30.0.3/16 or fd00:30::3/64.");
        }

        if (slash < 0)
        {
            return (address, null);
        }

        int bits = Bits(address);
        return int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int length) && length <= bits
            ? (address, length)
            : throw new NetworkException($"\"{text}\": the part behind the slash is no prefix length from 0 to {bits}.");
    }

    /// <summary>A subnet that containers can live in: "172.30.0.0/16", "fd00:30::/64".</summary>
    /// <exception cref="NetworkException">It is none, has bits set behind its prefix, or holds fewer than two hosts.</exception>
    public static IPNetwork ParseSubnet(string text)
    {
        (IPAddress address, int? length) = ParseAddress(text);
        if (length is not { } prefix)
        {
            throw new NetworkException($"\"{text}\" is an address and no subnet.", $"A subnet has a prefix length, such as {text}/{(Bits(address) == 32 ? 24 : 64)}.");
        }

        IPNetwork subnet = Around(address, prefix);
        if (!subnet.BaseAddress.Equals(address))
        {
            throw new NetworkException($"\"{text}\" is an address in a subnet: bits behind the prefix are set.", $"The subnet is {subnet}.");
        }

        return Bits(address) - prefix >= 2
            ? subnet
            : throw new NetworkException($"The subnet \"{text}\" is too small: a bridge needs an address, and a container needs one.", "The longest prefix is /30, of IPv6 /126.");
    }

    /// <summary>The subnet an address lies in.</summary>
    public static IPNetwork Around(IPAddress address, int prefixLength)
    {
        byte[] bytes = address.GetAddressBytes();
        for (int bit = prefixLength; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return new IPNetwork(new IPAddress(bytes), prefixLength);
    }

    public static int Bits(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;

    /// <summary>The address so many places behind the subnet's own.</summary>
    public static IPAddress At(IPNetwork subnet, BigInteger number)
    {
        int length = Bits(subnet.BaseAddress) / 8;
        BigInteger value = new BigInteger(subnet.BaseAddress.GetAddressBytes(), isUnsigned: true, isBigEndian: true) + number;
        byte[] bytes = new byte[length];
        byte[] digits = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        digits.CopyTo(bytes, length - digits.Length);
        return new IPAddress(bytes);
    }

    /// <summary>Which address of the subnet it is, counted from the subnet's own.</summary>
    public static BigInteger NumberOf(IPNetwork subnet, IPAddress address)
        => new BigInteger(address.GetAddressBytes(), isUnsigned: true, isBigEndian: true) - new BigInteger(subnet.BaseAddress.GetAddressBytes(), isUnsigned: true, isBigEndian: true);

    /// <summary>The number of the last address a host can have: IPv4's last one is the broadcast.</summary>
    public static BigInteger LastHost(IPNetwork subnet)
    {
        int bits = Bits(subnet.BaseAddress);
        return (BigInteger.One << (bits - subnet.PrefixLength)) - (bits == 32 ? 2 : 1);
    }

    public static bool Overlap(IPNetwork one, IPNetwork other)
        => one.BaseAddress.AddressFamily == other.BaseAddress.AddressFamily && (one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress));
}
