using System.Globalization;
using System.Runtime.InteropServices;
using static Containers.Native.Netlink.NetlinkMessages;
using static Containers.Native.Netlink.Rtnetlink;

namespace Containers.Native.Netlink;

/// <summary>Messages about the VLANs that a port of a bridge, or the bridge itself, belongs to. The bridge has to filter for it to matter.</summary>
internal static class BridgeVlanMessages
{
    /// <param name="link">The port's index; the bridge's with <paramref name="self"/>.</param>
    /// <param name="pvid">Frames that come in untagged are of this VLAN.</param>
    /// <param name="untagged">Frames of this VLAN go out untagged.</param>
    /// <param name="self">Whether it is the bridge itself: what the host sees of it.</param>
    public static void AddBridgeVlan(this NetlinkMessages messages, int link, ushort vid, bool pvid = false, bool untagged = false, bool self = false)
        => Write(messages, RTM_SETLINK, "add VLAN to port", link, vid,
            (ushort)((pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0)), self);

    public static void DeleteBridgeVlan(this NetlinkMessages messages, int link, ushort vid, bool self = false)
        => Write(messages, RTM_DELLINK, "delete VLAN from port", link, vid, 0, self);

    private static void Write(NetlinkMessages messages, ushort type, string operation, int link, ushort vid, ushort flags, bool self)
    {
        VlanId.Check(vid);
        messages.Begin(type, NLM_F_ACK, operation, string.Create(CultureInfo.InvariantCulture, $"{vid} of link {link}"), RouteHints.BridgeVlan);
        messages.Header(new ifinfomsg { ifi_family = Kernel.AF_BRIDGE, ifi_index = link });
        using (messages.Nest(IFLA_AF_SPEC))
        {
            if (self)
            {
                messages.U16(IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
            }

            messages.Structure(IFLA_BRIDGE_VLAN_INFO, new bridge_vlan_info { flags = flags, vid = vid });
        }

        messages.End();
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct bridge_vlan_info
    {
        public ushort flags;
        public ushort vid;
    }
}
