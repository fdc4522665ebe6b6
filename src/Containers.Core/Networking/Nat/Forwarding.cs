using Containers.Native;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>
/// Lets a host that is no router forward for our bridges and for nobody else. The switches of single links are set and not
/// that of the whole host, and a table guards what comes in by them: it stays when this process is killed, and its sets
/// are the record of what <see cref="Restore"/> has to switch off again.
/// </summary>
/// <remarks>
/// <para>Where the host forwards already (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding) its switches are left alone.</para>
/// <para>One process at a time may call in here: the caller holds the lock of the network's state.</para>
/// <para>A link that comes up later is not a way out until it is enabled again.</para>
/// </remarks>
internal static class Forwarding
{
    /// <summary>The guard's name, of the family inet.</summary>
    public const string GuardTable = "containers-guard";

    private static readonly NfSet s_bridges = new("bridges", [NfField.Ifname]);
    private static readonly NfSet s_uplinks = new("uplinks", [NfField.Ifname]);
    private static readonly NfSet s_uplinks6 = new("uplinks6", [NfField.Ifname]);
    private static readonly NfSet s_routers6 = new("routers6", [NfField.Ifname]);
    private static readonly NfSet s_advertised6 = new("advertised6", [NfField.Ifname]);

    /// <summary>Lets packets of a network through, and into it from 127.0.0.1. Of an isolated one only the latter.</summary>
    /// <param name="networkNamespace">Where; null for the calling thread's namespace.</param>
    /// <param name="network">Its bridge is there already.</param>
    /// <exception cref="NetworkException">The kernel has no nf_tables, or this process may not use it; nothing was changed.</exception>
    public static void Enable(NamespaceHandle? networkNamespace, NatNetwork network) => Enable(networkNamespace, network, perLink6: true);

    /// <inheritdoc cref="Enable(NamespaceHandle?, NatNetwork)"/>
    /// <param name="perLink6">Whether the switch of single links for IPv6 is used where the kernel has it, Linux 6.17.</param>
    internal static void Enable(NamespaceHandle? networkNamespace, NatNetwork network, bool perLink6)
    {
        ForwardingPlan plan;
        try
        {
            using NfTablesSocket socket = NfTablesSocket.Open(networkNamespace);
            plan = Plan(socket, networkNamespace, network, perLink6);
            if (!plan.IsGuarded)
            {
                NfTablesBatch batch = new(GuardTable);
                WriteGuard(batch, plan, plan.Global6 || Names(socket, s_uplinks6).Contains(ForwardingPlan.All));
                socket.Commit(batch);
            }
        }
        catch (KernelException e)
        {
            throw new NetworkException($"Forwarding for {network.Bridge} cannot be guarded: {e.Message}", null, e);
        }

        // The guard is up: what is switched on now is guarded and recorded, whenever this process dies.
        NamespaceThread.Run(networkNamespace, plan.Write);
    }

    /// <summary>The same as commands, for the links that there are now.</summary>
    public static IReadOnlyList<string> ToCommands(NamespaceHandle? networkNamespace, NatNetwork network)
    {
        using NfTablesSocket socket = NfTablesSocket.Open(networkNamespace);
        ForwardingPlan plan = Plan(socket, networkNamespace, network, perLink6: true);
        List<string> commands = [];
        WriteGuard(new NfTablesBatch(GuardTable, commands), plan, plan.Global6);
        return [.. commands.Select(command => $"nft '{command}'"), .. plan.Settings.Select(setting => $"sysctl -qw {setting.Path}={setting.Value}")];
    }

    /// <summary>
    /// Whether a bridge's ports have to send packets back to where they came from (IFLA_BRPORT_MODE, "hairpin"), for a container
    /// to reach a port of its own through the host: where br_netfilter translates inside the bridge, they never come up to the host.
    /// </summary>
    public static bool NeedsHairpin(NamespaceHandle? networkNamespace) => NamespaceThread.Run(networkNamespace, ForwardingPlan.BridgesAreFiltered);

    /// <summary>Takes a bridge out that goes, or whose network is no longer translated.</summary>
    public static void Disable(NamespaceHandle? networkNamespace, string bridge)
    {
        using NfTablesSocket socket = NfTablesSocket.Open(networkNamespace);
        if (Names(socket, s_bridges).Contains(bridge))
        {
            NamespaceThread.Run(networkNamespace, () => ForwardingPlan.OfBridge(bridge, on: false).Write());
            NfTablesBatch batch = new(GuardTable);
            batch.DeleteElement(s_bridges, NfValue.Of(stackalloc byte[NfValue.MaxLength]).Name(bridge));
            socket.Commit(batch);
        }
    }

    /// <summary>Switches off what the guard says was switched on, and removes the guard. Where there is none, nothing is done.</summary>
    public static void Restore(NamespaceHandle? networkNamespace)
    {
        using NfTablesSocket socket = NfTablesSocket.Open(networkNamespace);
        if (!socket.Tables().Contains(GuardTable))
        {
            return;
        }

        HashSet<string> bridges = Names(socket, s_bridges), uplinks = Names(socket, s_uplinks), uplinks6 = Names(socket, s_uplinks6);
        HashSet<string> routers6 = Names(socket, s_routers6), advertised6 = Names(socket, s_advertised6);
        NamespaceThread.Run(networkNamespace, () => ForwardingPlan.Undo(bridges, uplinks, uplinks6, routers6, advertised6).Write());
        NfTablesBatch batch = new(GuardTable);
        batch.DeleteTable();
        socket.Commit(batch);
    }

    // The rules are written anew each time, in one step of the kernel's with the sets' new elements.
    private static void WriteGuard(NfTablesBatch batch, ForwardingPlan plan, bool global6)
    {
        batch.AddTable();
        foreach ((NfSet set, IEnumerable<string> names) in ((NfSet, IEnumerable<string>)[])[
            (s_bridges, [plan.Bridge]), (s_uplinks, plan.Uplinks), (s_uplinks6, plan.Uplinks6), (s_routers6, plan.Routers6), (s_advertised6, plan.Advertised6)])
        {
            batch.AddSet(set);
            foreach (string name in names)
            {
                batch.EnsureElement(set, NfValue.Of(new byte[NfValue.MaxLength]).Name(name));
            }
        }

        // The table of the process that publishes ports has this too; here for a bridge that outlives it.
        batch.AddChain("loopback", "filter", NfHook.Prerouting, NatRules.NF_IP_PRI_RAW);
        batch.FlushChain("loopback");
        NatRules.DropLoopback(batch, "loopback");

        batch.AddChain("forward", "filter", NfHook.Forward, NatRules.NF_IP_PRI_FILTER);
        batch.FlushChain("forward");
        batch.AddRule("forward").CtStateEstablishedOrRelated().Accept(); // answers to someone else's containers, should the host become a router for them
        batch.AddRule("forward").CtStatusDnat().Accept();
        batch.AddRule("forward").Iifname("@bridges").Accept(); // also one that was taken for a way out before it was ours
        batch.AddRule("forward").Nfproto(ipv6: false).Iifname("@uplinks").Oifname("@bridges", not: true).Drop();
        batch.AddRule("forward").Nfproto(ipv6: true).Iifname("@uplinks6").Oifname("@bridges", not: true).Drop();
        if (global6)
        {
            batch.AddRule("forward").Nfproto(ipv6: true).Oifname("@bridges", not: true).Drop();
        }
    }

    // An isolated bridge of ours has an address and does not forward, and is no way out for that.
    private static ForwardingPlan Plan(NfTablesSocket socket, NamespaceHandle? networkNamespace, NatNetwork network, bool perLink6)
    {
        HashSet<string> bridges = Names(socket, s_bridges);
        return NamespaceThread.Run(networkNamespace, () => ForwardingPlan.Of(network, bridges, perLink6));
    }

    private static HashSet<string> Names(NfTablesSocket socket, NfSet set)
    {
        try
        {
            return [.. socket.Elements(GuardTable, set.Name).Select(element => NfField.NameOf(element.Key)).Where(name => !name.Contains('/') && name is not ("." or ".."))];
        }
        catch (NetlinkException e) when (e.Errno == Errno.ENOENT)
        {
            return []; // no guard
        }
    }
}
