using System.Net;
using System.Net.Sockets;
using static Containers.Native.Netlink.NfTables;

namespace Containers.Native.Netlink;

/// <summary>
/// The connections that the kernel follows, of which those of an address are forgotten when a container that had it is gone:
/// a flow of UDP that is still known would else go where it went, and not where the rules now send it.
/// </summary>
internal static class Conntrack
{
    private const ushort IPCTNL_MSG_CT_NEW = 0, IPCTNL_MSG_CT_GET = 1, IPCTNL_MSG_CT_DELETE = 2;
    private const ushort CTA_UNSPEC = 0, CTA_TUPLE_ORIG = 1, CTA_TUPLE_REPLY = 2, CTA_ZONE = 18, CTA_ID = 12, CTA_FILTER = 25;
    private const ushort CTA_TUPLE_IP = 1;
    private const ushort CTA_IP_V4_SRC = 1, CTA_IP_V4_DST = 2, CTA_IP_V6_SRC = 3, CTA_IP_V6_DST = 4;
    private const ushort CTA_FILTER_ORIG_FLAGS = 1, CTA_FILTER_REPLY_FLAGS = 2;
    private const uint CTA_FILTER_F_CTA_IP_SRC = 1;

    /// <summary>Forgets the connections from and to an address.</summary>
    /// <returns>How many there were. None is no error, nor is a kernel that follows no connections.</returns>
    public static int Delete(IPAddress address, NamespaceHandle? networkNamespace = null)
    {
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter, networkNamespace);
            return Delete(socket, address);
        }
        catch (KernelException e) when (e.Errno is Errno.EPROTONOSUPPORT or Errno.EOPNOTSUPP or Errno.EINVAL)
        {
            return 0; // no netfilter, or no ctnetlink in it (CONFIG_NF_CT_NETLINK)
        }
    }

    private static int Delete(NetlinkSocket socket, IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        byte family = (byte)(address.AddressFamily == AddressFamily.InterNetworkV6 ? Kernel.AF_INET6 : Kernel.AF_INET);
        Dictionary<uint, byte[]> found = [];

        void Receive(ushort type, ReadOnlySpan<byte> payload)
        {
            ReadOnlySpan<byte> attributes = payload[4..];
            if (type == MessageType(IPCTNL_MSG_CT_NEW) && (Has(attributes, CTA_TUPLE_ORIG, bytes) || Has(attributes, CTA_TUPLE_REPLY, bytes)))
            {
                found[new NetlinkAttribute(CTA_ID, NetlinkAttributes.Find(attributes, CTA_ID)).U32] = attributes.ToArray();
            }
        }

        if (family == Kernel.AF_INET6)
        {
            // The kernel's filter for IPv6 finds all but what is asked for (seen in 6.18: the comparison is the wrong way round).
            socket.Dump(Ask(family, address, CTA_UNSPEC, bytes), Receive, found.Clear);
        }
        else
        {
            // Who asks or is asked is the source of one of the two directions, also when an address was translated. The kernel
            // looks for them itself since Linux 5.8; an older one lists all there are, so each is looked at once more.
            socket.Dump(Ask(family, address, CTA_TUPLE_ORIG, bytes), Receive, () => { });
            socket.Dump(Ask(family, address, CTA_TUPLE_REPLY, bytes), Receive, () => { });
        }

        return found.Count == 0 ? 0 : Delete(socket, family, address, found);
    }

    private static NetlinkMessages Ask(byte family, IPAddress address, ushort tuple, byte[] bytes)
    {
        NetlinkMessages messages = new(256);
        messages.Begin(MessageType(IPCTNL_MSG_CT_GET), NetlinkMessages.NLM_F_DUMP, "list connections", address.ToString());
        messages.Header(new nfgenmsg(family, 0));
        if (tuple != CTA_UNSPEC)
        {
            using (messages.Nest(tuple))
            {
                using (messages.Nest(CTA_TUPLE_IP))
                {
                    messages.Attribute(CTA_IP_V4_SRC, bytes);
                }
            }

            using (messages.Nest(CTA_FILTER))
            {
                messages.U32(CTA_FILTER_ORIG_FLAGS, tuple == CTA_TUPLE_ORIG ? CTA_FILTER_F_CTA_IP_SRC : 0);
                messages.U32(CTA_FILTER_REPLY_FLAGS, tuple == CTA_TUPLE_REPLY ? CTA_FILTER_F_CTA_IP_SRC : 0);
            }
        }

        messages.End();
        return messages;
    }

    // By the whole tuple and the id: one that took its place meanwhile is another connection, which stays.
    private static int Delete(NetlinkSocket socket, byte family, IPAddress address, Dictionary<uint, byte[]> found)
    {
        int deleted = 0;
        NetlinkMessages messages = new(256);
        foreach ((uint id, byte[] attributes) in found)
        {
            messages.Clear();
            messages.Begin(MessageType(IPCTNL_MSG_CT_DELETE), NetlinkMessages.NLM_F_ACK, "delete connection", address.ToString());
            messages.Header(new nfgenmsg(family, 0));
            messages.Attribute(CTA_TUPLE_ORIG | NetlinkMessages.NLA_F_NESTED, NetlinkAttributes.Find(attributes, CTA_TUPLE_ORIG));
            messages.U32(CTA_ID, id);
            if (NetlinkAttributes.Find(attributes, CTA_ZONE) is { IsEmpty: false } zone)
            {
                messages.Attribute(CTA_ZONE, zone);
            }

            messages.End();
            switch (socket.TryTransact(messages))
            {
                case null:
                    deleted++;
                    break;
                case { Errno: Errno.ENOENT }:
                    break; // it ended by itself
                case var failure:
                    throw failure;
            }
        }

        return deleted;
    }

    private static bool Has(ReadOnlySpan<byte> attributes, ushort tuple, ReadOnlySpan<byte> address)
    {
        foreach (NetlinkAttribute ip in new NetlinkAttributes(NetlinkAttributes.Find(NetlinkAttributes.Find(attributes, tuple), CTA_TUPLE_IP)))
        {
            if (ip.Type is CTA_IP_V4_SRC or CTA_IP_V4_DST or CTA_IP_V6_SRC or CTA_IP_V6_DST && ip.Value.SequenceEqual(address))
            {
                return true;
            }
        }

        return false;
    }

    private static ushort MessageType(ushort message) => (ushort)((NFNL_SUBSYS_CTNETLINK << 8) | message);
}
