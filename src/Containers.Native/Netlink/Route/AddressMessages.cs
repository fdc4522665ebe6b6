using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using static Containers.Native.Netlink.NetlinkMessages;
using static Containers.Native.Netlink.Rtnetlink;

namespace Containers.Native.Netlink;

/// <summary>Messages about the addresses of links.</summary>
internal static class AddressMessages
{
    /// <param name="link">The link's index.</param>
    /// <param name="noDad">Whether an IPv6 address serves at once, without asking first (for a second or two) whether another has it.</param>
    public static void AddAddress(this NetlinkMessages messages, int link, IPAddress address, int prefixLength, bool noDad = true)
    {
        Begin(messages, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, "add address", link, address, prefixLength);
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            messages.U32(IFA_FLAGS, noDad ? IFA_F_NODAD : 0);
        }
        else if (prefixLength < 31)
        {
            Span<byte> bytes = stackalloc byte[4];
            address.TryWriteBytes(bytes, out _);
            uint broadcast = BinaryPrimitives.ReadUInt32BigEndian(bytes) | (uint)(0xFFFFFFFFul >> prefixLength);
            messages.U32BigEndian(IFA_BROADCAST, broadcast);
        }

        messages.End();
    }

    /// <param name="link">The link's index.</param>
    public static void DeleteAddress(this NetlinkMessages messages, int link, IPAddress address, int prefixLength)
    {
        Begin(messages, RTM_DELADDR, NLM_F_ACK, "delete address", link, address, prefixLength);
        messages.End();
    }

    private static void Begin(NetlinkMessages messages, ushort type, ushort flags, string operation, int link, IPAddress address, int prefixLength)
    {
        int bits = address.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32;
        if (prefixLength < 0 || prefixLength > bits)
        {
            throw new ContainerException($"{address}/{prefixLength} is no address with a prefix.", $"A prefix has 0 to {bits} bits here.");
        }

        messages.Begin(type, flags, operation, $"{address}/{prefixLength}", RouteHints.Address);
        messages.Header(new ifaddrmsg { ifa_family = Family(address.AddressFamily), ifa_prefixlen = (byte)prefixLength, ifa_index = link, ifa_scope = Scope(address) });
        messages.Address(IFA_LOCAL, address);
        messages.Address(IFA_ADDRESS, address);
    }

    // As ip does it: without it a source address of 127/8 could be chosen for what leaves the host. IPv6 finds it out for itself.
    private static byte Scope(IPAddress address)
        => address.AddressFamily == AddressFamily.InterNetwork && IPAddress.IsLoopback(address) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
}
