using System.Globalization;

namespace Containers.Networking;

/// <summary>
/// Which switches of the kernel (/proc/sys/net) are set for a network, and which links that concerns. Everything here is read and
/// written by a thread that is in the network's namespace.
/// </summary>
internal sealed class ForwardingPlan
{
    /// <summary>Stands among the links for the switch of the whole host.</summary>
    public const string All = "all";

    private readonly IReadOnlySet<string> _ours;

    private ForwardingPlan(string bridge, IReadOnlySet<string>? ours = null)
    {
        Bridge = bridge;
        _ours = ours ?? new HashSet<string>();
    }

    public string Bridge { get; }

    /// <summary>Links other than ours whose forwarding of IPv4 is switched on.</summary>
    public List<string> Uplinks { get; } = [];

    /// <summary>The same for IPv6; or "all".</summary>
    public List<string> Uplinks6 { get; } = [];

    /// <summary>Links that had IPv6 forwarding on by themselves, before the host's switch set it everywhere.</summary>
    public List<string> Routers6 { get; } = [];

    /// <summary>Links whose router advertisements are to be believed by a host that forwards: accept_ra was 1 and is 2.</summary>
    public List<string> Advertised6 { get; } = [];

    /// <summary>What is written, in this order: path below /proc/sys, and value.</summary>
    public List<(string Path, string Value)> Settings { get; } = [];

    /// <summary>Whether the guard knows of the bridge, and of every link that is switched on: writing its rules anew takes the kernel 15 ms.</summary>
    public bool IsGuarded => _ours.Contains(Bridge) && Uplinks.Count == 0 && Uplinks6.Count == 0;

    public bool Global6 => Uplinks6.Contains(All);

    /// <summary>What a network needs, as things are now.</summary>
    /// <param name="network">The network.</param>
    /// <param name="ours">Other bridges of ours.</param>
    /// <param name="perLink6">Whether the switch of single links is used for IPv6.</param>
    public static ForwardingPlan Of(NatNetwork network, IReadOnlySet<string> ours, bool perLink6)
    {
        ForwardingPlan plan = new(network.Bridge, ours);
        if (network.Subnet4 is not null)
        {
            plan.Set($"net/ipv4/conf/{network.Bridge}/route_localnet", "1");
        }

        if (network.Isolated)
        {
            return plan;
        }

        if (network.Subnet4 is not null && Read("net/ipv4/ip_forward") == "0")
        {
            plan.Set($"net/ipv4/conf/{network.Bridge}/forwarding", "1");
            plan.Uplinks.AddRange(plan.Others(Links4()).Where(link => Read($"net/ipv4/conf/{link}/forwarding") == "0"));
            plan.Uplinks.ForEach(link => plan.Set($"net/ipv4/conf/{link}/forwarding", "1"));
        }

        if (network.Subnet6 is not null && Read("net/ipv6/conf/all/forwarding") == "0")
        {
            plan.Forward6(perLink6 && Read($"net/ipv6/conf/{network.Bridge}/force_forwarding") is not null);
        }

        return plan;
    }

    /// <summary>The switches of a bridge of ours.</summary>
    public static ForwardingPlan OfBridge(string bridge, bool on)
    {
        ForwardingPlan plan = new(bridge);
        string value = on ? "1" : "0";
        plan.Set($"net/ipv4/conf/{bridge}/route_localnet", value);
        if (Read("net/ipv4/ip_forward") == "0")
        {
            plan.Set($"net/ipv4/conf/{bridge}/forwarding", value);
        }

        plan.Set($"net/ipv6/conf/{bridge}/force_forwarding", value);
        return plan;
    }

    /// <summary>Everything back to what it was.</summary>
    public static ForwardingPlan Undo(ICollection<string> bridges, ICollection<string> uplinks, ICollection<string> uplinks6, ICollection<string> routers6, ICollection<string> advertised6)
    {
        ForwardingPlan plan = new("");
        foreach (string bridge in bridges)
        {
            plan.Settings.AddRange(OfBridge(bridge, on: false).Settings);
        }

        // Someone who made the host a router meanwhile switched these on too, and now they are his.
        if (Read("net/ipv4/ip_forward") == "0")
        {
            plan.Settings.AddRange(uplinks.Select(link => ($"net/ipv4/conf/{link}/forwarding", "0")));
        }

        if (uplinks6.Contains(All))
        {
            plan.Set("net/ipv6/conf/all/forwarding", "0");
            plan.Settings.AddRange(routers6.Select(link => ($"net/ipv6/conf/{link}/forwarding", "1")));
            plan.Settings.AddRange(advertised6.Select(link => ($"net/ipv6/conf/{link}/accept_ra", "1")));
        }

        plan.Settings.AddRange(uplinks6.Where(link => link != All).Select(link => ($"net/ipv6/conf/{link}/force_forwarding", "0")));
        return plan;
    }

    /// <summary>Of the module br_netfilter, which docker and kubernetes load.</summary>
    public static bool BridgesAreFiltered()
        => Read("net/bridge/bridge-nf-call-iptables") == "1" || Read("net/bridge/bridge-nf-call-ip6tables") == "1";

    /// <summary>Sets the switches. That a link is gone is no error.</summary>
    public void Write()
    {
        foreach ((string path, string value) in Settings)
        {
            try
            {
                using FileStream file = new($"/proc/sys/{path}", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
                file.Write([(byte)value[0]]);
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                // its link is gone, or this kernel has no such switch
            }
            catch (Exception e) when (e is UnauthorizedAccessException or IOException)
            {
                throw new NetworkException($"write {value} to /proc/sys/{path}: {e.Message}", "It needs root in the network namespace's user namespace, and a /proc/sys that can be written.", e);
            }
        }
    }

    // A switch per link, that leaves the link a host's and not a router's (Linux 6.17, force_forwarding); or the one switch that
    // ip6_forward looks at before, which also ends the belief in router advertisements, the host's own default route.
    private void Forward6(bool perLink)
    {
        if (perLink)
        {
            Set($"net/ipv6/conf/{Bridge}/force_forwarding", "1");
            Uplinks6.AddRange(Others(Links6()).Where(link => Read($"net/ipv6/conf/{link}/force_forwarding") == "0"));
            Uplinks6.ForEach(link => Set($"net/ipv6/conf/{link}/force_forwarding", "1"));
            return;
        }

        IEnumerable<string> links = Directory.EnumerateDirectories("/proc/sys/net/ipv6/conf").Select(path => Path.GetFileName(path)!);
        foreach (string link in Others(links).Where(link => link is not (All or "default")))
        {
            if (Read($"net/ipv6/conf/{link}/forwarding") == "1")
            {
                Routers6.Add(link);
            }
            else if (Read($"net/ipv6/conf/{link}/accept_ra") == "1")
            {
                Advertised6.Add(link);
                Set($"net/ipv6/conf/{link}/accept_ra", "2"); // before, so that no advertisement is missed
            }
        }

        Uplinks6.Add(All);
        Set("net/ipv6/conf/all/forwarding", "1");
    }

    private IEnumerable<string> Others(IEnumerable<string> links) => links.Where(link => link != Bridge && !_ours.Contains(link));

    private void Set(string path, string value) => Settings.Add((path, value));

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText($"/proc/sys/{path}").Trim();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    // Links that have a route: the default one, or that of their own addresses. Name, destination, gateway, flags and so on: proc_net(5).
    private static IEnumerable<string> Links4()
        => Table("route").Skip(1).Select(fields => fields[0]).Where(link => link is not ("lo" or "*")).Distinct();

    // Links with an address of global scope (0), or with a default route that does not reject (RTF_REJECT).
    private static IEnumerable<string> Links6()
        => Table("if_inet6").Where(fields => fields[3] == "00").Select(fields => fields[5])
            .Concat(Table("ipv6_route").Where(fields => fields[1] == "00" && (uint.Parse(fields[8], NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 0x200) == 0).Select(fields => fields[9]))
            .Where(link => link != "lo").Distinct();

    // Not /proc/net, which is the namespace of the process's first thread.
    private static IEnumerable<string[]> Table(string name)
    {
        string path = $"/proc/thread-self/net/{name}";
        return File.Exists(path) ? File.ReadAllLines(path).Select(line => line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)) : [];
    }
}
