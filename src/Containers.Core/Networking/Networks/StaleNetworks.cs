using System.Globalization;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>What processes that were killed left behind: known by our marks, and by leases that nobody holds.</summary>
internal static class StaleNetworks
{
    /// <summary>Removes it. Called with the lock of <see cref="NetworkState"/>.</summary>
    /// <param name="host">Where.</param>
    /// <param name="processes">The processes that use networks there.</param>
    public static void Remove(HostNetwork host, LockFile processes)
    {
        List<(LinkInfo Link, LinkAlias Alias)> ours = [];
        foreach (LinkInfo link in host.Route.GetLinks())
        {
            if (LinkAlias.TryParse(link.Alias) is { } alias)
            {
                ours.Add((link, alias));
            }
            else if (link is { Group: BridgeMaker.Group, Kind: "bridge" })
            {
                Delete(host, link); // its maker was killed while it made it
            }
        }

        foreach ((LinkInfo bridge, LinkAlias alias) in ours.Where(one => one.Alias.IsBridge && File.Exists(BridgeNetwork.LeasesOf(host, one.Link.Name))))
        {
            using LockFile leases = BridgeNetwork.OpenLeases(host, bridge.Name);
            bool used = leases.IsTakenElsewhere(BridgeNetwork.UsersLease);
            foreach ((LinkInfo link, LinkAlias container) in ours.Where(one => one.Link.Master == bridge.Index && !one.Alias.IsBridge))
            {
                if (!used || !container.Addresses.Any(address => leases.IsTakenElsewhere(BridgeNetwork.LeaseOf(host, bridge, address))))
                {
                    Delete(host, link);
                }
            }

            if (!used && !alias.Flags.Contains(BridgeNetwork.KeepFlag))
            {
                Delete(host, bridge);
            }

            if (!used)
            {
                File.Delete(leases.Path);
            }
        }

        // The end of a veth that was never attached: its process died between two requests, or its bridge is gone.
        foreach ((LinkInfo link, _) in ours.Where(one => !one.Alias.IsBridge && one.Link.Master == 0))
        {
            Delete(host, link);
        }

        NatTable.DeleteStale(host.Namespace.Target, slot => processes.IsTakenElsewhere(slot));
        if (!processes.IsTakenElsewhere(HostNetwork.Users))
        {
            Forwarding.Restore(host.Namespace.Target);
        }
    }

    // The kernel may be faster, when the namespace of its other end has just gone.
    private static void Delete(HostNetwork host, LinkInfo link) => host.Route.DeleteLinkIfThere(link.Index, link.Name);
}
