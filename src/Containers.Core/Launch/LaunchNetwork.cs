namespace Containers.Launch;

/// <summary>The network of a container as its launch sees it: a namespace to enter, and what two files in /etc say.</summary>
/// <param name="Namespace">The descriptor of a network namespace that is there already, with lo up; -1 to have one made, or to stay in the host's.</param>
/// <param name="Why">Why that one is entered.</param>
/// <param name="Hosts">/etc/hosts.</param>
/// <param name="ResolvConf">/etc/resolv.conf.</param>
internal sealed record LaunchNetwork(int Namespace, string Why, string Hosts, string ResolvConf)
{
    /// <summary>Whether the container is born in its network namespace, with lo up: it belongs to its user namespace.</summary>
    public bool Inherited { get; init; }

    private const string LocalHosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

    public const string MadeAhead = "It was made ahead, with lo up: nobody has to wait for it";

    /// <summary>One with nothing in it but lo, which reaches no resolver and must not wait for one.</summary>
    public static LaunchNetwork None(string hostname, int descriptor = -1) => new(descriptor, MadeAhead, HostsOf(hostname), "# no network\n");

    /// <summary>The host's, which asks whom the host asks.</summary>
    public static LaunchNetwork OfHost(string hostname)
        => new(-1, "", HostsOf(hostname), File.Exists("/etc/resolv.conf") ? File.ReadAllText("/etc/resolv.conf") : "# no network\n");

    /// <summary>Its own name leads to its own addresses; to loopback where it has none.</summary>
    public static string HostsOf(string hostname, params IEnumerable<System.Net.IPAddress> addresses)
    {
        string own = string.Concat(addresses.Select(address => $"{address}\t{hostname}\n"));
        return LocalHosts + (own.Length > 0 ? own : $"127.0.1.1\t{hostname}\n");
    }
}
