using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Containers;

/// <summary>
/// Addresses and prefixes as they are written. Stricter than <see cref="IPAddress.Parse(string)"/>, which takes "10.1" for
/// 10.0.0.1 and "010.0.0.1" for 8.0.0.1, as inet_aton(3) does: a typing error must not become another address.
/// </summary>
internal static class NetworkAddress
{
    /// <exception cref="ContainerException">It is none.</exception>
    public static IPAddress ParseAddress(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out IPAddress? address) ? address : throw new ContainerException($"\"{text}\" is no address.", "It is written as 10.0.0.1 or fd00::1.");
    }

    /// <summary>An address with the length of its prefix: "10.0.0.1/24".</summary>
    /// <exception cref="ContainerException">It is none.</exception>
    public static (IPAddress Address, int PrefixLength) ParseWithPrefix(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && TryParse(text[..slash], out IPAddress? address)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int length)
            && length <= (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128)
            ? (address, length)
            : throw new ContainerException($"\"{text}\" is no address with a prefix.", "It is written as 10.0.0.1/24 or fd00::1/64.");
    }

    /// <summary>A prefix: "10.0.0.0/24".</summary>
    /// <exception cref="ContainerException">It is none, or an address within one.</exception>
    public static IPNetwork ParsePrefix(string text)
    {
        (IPAddress address, int length) = ParseWithPrefix(text);
        IPNetwork prefix = new(address, length);
        return prefix.BaseAddress.Equals(address) // since .NET 10 it cuts them off
            ? prefix
            : throw new ContainerException($"\"{text}\" has bits behind its prefix.", $"{prefix} is meant, perhaps.");
    }

    public static IPNetwork Everything(AddressFamily family) => new(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);

    private static bool TryParse(string text, [NotNullWhen(true)] out IPAddress? address)
        => IPAddress.TryParse(text, out address) && !text.AsSpan().ContainsAny('%', '[', ']')
           && (address.AddressFamily == AddressFamily.InterNetworkV6 || address.ToString() == text);
}
