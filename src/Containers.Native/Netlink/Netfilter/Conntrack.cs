using System.Net;
using static Containers.Native.Netlink.NfTables;

namespace Containers.Native.Netlink;

/// <summary>
/// The connections that the kernel follows, of which those of an address are forgotten when a container that had it is gone:
/// a flow of UDP that is still known would else go where it went, and not where the rules now send it.
/// </summary>
internal static class Conntrack
{
    private const ushort IPCTNL_MSG_CT_NEW = 0, IPCTNL_MSG_CT_GET = 1, IPCTNL_MSG_CT_DELETE = 2;
    private const ushort CTA_TUPLE_ORIG = 1, CTA_TUPLE_REPLY = 2, CTA_ID = 12, CTA_ZONE = 18, CTA_TUPLE_IP = 1;
    private const ushort CTA_IP_V4_SRC = 1, CTA_IP_V6_DST = 4;

    /// <summary>
    /// Forgets the connections from and to some addresses. The kernel walks its whole table for that, which took it 7 ms with
    /// 262,144 buckets and nothing in them: not for the way of a container's start.
    /// </summary>
    /// <returns>How many there were. None is no error, nor is a kernel that follows no connections.</returns>
    /// <remarks>
    /// All connections are listed and looked at here. The kernel could filter (CTA_FILTER, Linux 5.8), by one address in one
    /// direction, so with a walk for each; and for IPv6 it finds the opposite of what is asked for (seen in 6.18).
    /// </remarks>
    public static int Delete(IReadOnlyCollection<IPAddress> addresses, NamespaceHandle? networkNamespace = null)
    {
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter, networkNamespace);
            List<(byte Family, byte[] Attributes)> found = List(socket, [.. addresses.Select(address => address.GetAddressBytes())]);
            return found.Count(connection => Delete(socket, connection.Family, connection.Attributes));
        }
        catch (KernelException e) when (e.Errno is Errno.EPROTONOSUPPORT or Errno.EOPNOTSUPP or Errno.EINVAL)
        {
            return 0; // no netfilter, or no ctnetlink in it (CONFIG_NF_CT_NETLINK)
        }
    }

    private static List<(byte Family, byte[] Attributes)> List(NetlinkSocket socket, byte[][] addresses)
    {
        List<(byte, byte[])> found = [];
        NetlinkMessages messages = new(64);
        messages.Begin(MessageType(IPCTNL_MSG_CT_GET), NetlinkMessages.NLM_F_DUMP, "list connections");
        messages.Header(new nfgenmsg((byte)Kernel.AF_UNSPEC, 0));
        messages.End();
        socket.Dump(messages, (type, payload) =>
        {
            ReadOnlySpan<byte> attributes = payload[4..];
            if (type == MessageType(IPCTNL_MSG_CT_NEW) && (Has(attributes, CTA_TUPLE_ORIG, addresses) || Has(attributes, CTA_TUPLE_REPLY, addresses)))
            {
                found.Add((payload[0], attributes.ToArray()));
            }
        }, found.Clear);
        return found;
    }

    // By the whole tuple and the id: one that took its place meanwhile is another connection, which stays.
    private static bool Delete(NetlinkSocket socket, byte family, byte[] attributes)
    {
        NetlinkMessages messages = new(256);
        messages.Begin(MessageType(IPCTNL_MSG_CT_DELETE), NetlinkMessages.NLM_F_ACK, "delete connection");
        messages.Header(new nfgenmsg(family, 0));
        messages.Attribute(CTA_TUPLE_ORIG | NetlinkMessages.NLA_F_NESTED, NetlinkAttributes.Find(attributes, CTA_TUPLE_ORIG));
        messages.Attribute(CTA_ID, NetlinkAttributes.Find(attributes, CTA_ID));
        if (NetlinkAttributes.Find(attributes, CTA_ZONE) is { IsEmpty: false } zone)
        {
            messages.Attribute(CTA_ZONE, zone);
        }

        messages.End();
        return socket.TryTransact(messages) switch
        {
            null => true,
            { Errno: Errno.ENOENT } => false, // it ended by itself
            var failure => throw failure,
        };
    }

    private static bool Has(ReadOnlySpan<byte> attributes, ushort tuple, byte[][] addresses)
    {
        foreach (NetlinkAttribute ip in new NetlinkAttributes(NetlinkAttributes.Find(NetlinkAttributes.Find(attributes, tuple), CTA_TUPLE_IP)))
        {
            if (ip.Type is >= CTA_IP_V4_SRC and <= CTA_IP_V6_DST)
            {
                foreach (byte[] address in addresses)
                {
                    if (ip.Value.SequenceEqual(address))
                    {
                        return true;
                    }
                }
            }
        }

        return false;
    }

    private static ushort MessageType(ushort message) => (ushort)((NFNL_SUBSYS_CTNETLINK << 8) | message);
}
