using System.Globalization;

namespace Containers.Native.Netlink;

/// <summary>What may be the id of a VLAN.</summary>
internal static class VlanId
{
    /// <exception cref="ContainerException">It is not 1 to 4094: 0 says "no VLAN" in a tag, and 4095 is reserved.</exception>
    public static ushort Check(int id)
        => id is >= 1 and <= 4094
            ? (ushort)id
            : throw new ContainerException(string.Create(CultureInfo.InvariantCulture, $"{id} is no id of a VLAN."), "They are 1 to 4094.");
}
