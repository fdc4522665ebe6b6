using System.Net;
using Containers.Networking;

namespace Containers;

/// <summary>
/// A bridge of this library's that containers are attached to: with an address of its own, NAT to the outside unless it is
/// isolated, and a responder for names. It is there before, between and after containers for as long as someone on this host,
/// in whatever process, has it open; the last one takes it down, unless it is to be kept.
/// </summary>
/// <remarks>Everything that makes it is in the kernel (a link, an nf_tables table that goes with this process, locks), so that a process that is killed leaves next to nothing, and the next one that uses networks removes that.</remarks>
public sealed class Network : IDisposable
{
    private int _disposed;

    internal Network(BridgeNetwork bridge) => Inner = bridge;

    internal BridgeNetwork Inner { get; }

    /// <summary>The bridge's name.</summary>
    public string Name => Inner.Name;

    /// <summary>The IPv4 subnet; null for a network of IPv6 only.</summary>
    public IPNetwork? Subnet => Inner.Pool4?.Subnet;

    /// <summary>The IPv6 subnet; null for a network of IPv4 only.</summary>
    public IPNetwork? Subnet6 => Inner.Pool6?.Subnet;

    /// <summary>The bridge's own IPv4 address: the way out, and where names are asked.</summary>
    public IPAddress? Gateway => Inner.Pool4?.Gateway;

    /// <summary>The bridge's own IPv6 address.</summary>
    public IPAddress? Gateway6 => Inner.Pool6?.Gateway;

    /// <summary>Whether there is no way out: its containers reach each other and the bridge's address.</summary>
    public bool Isolated => Inner.Isolated;

    /// <summary>The bridge as a link, to look at and to change; it lives in the host's namespace, or the one that was asked for.</summary>
    public NetworkLink Link => Inner.Host.Namespace.Link(Name);

    /// <summary>Opens a network on a bridge: it is made when it is missing, adopted when it is one of this library's, and refused when it is someone else's.</summary>
    /// <param name="name">The bridge's name, at most 15 bytes.</param>
    /// <param name="subnet">"172.30.0.0/16", or one of IPv6; null for what the bridge has, or for a free one of the private ranges when it has to be made.</param>
    /// <param name="options">What else is asked of it.</param>
    /// <exception cref="NetworkException">The name is a link of someone else's; the bridge is there with another subnet; the subnet is on the way to somewhere else already; something is malformed.</exception>
    /// <exception cref="NetlinkException">The kernel refused: EPERM without CAP_NET_ADMIN.</exception>
    public static Network Bridge(string name, string? subnet = null, NetworkOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        return new Network(HostNetwork.Open(BridgeRequest.Of(name, subnet, options ?? new NetworkOptions()), options?.Namespace));
    }

    /// <summary>Closes networks that <see cref="ContainerBuilder.WithNet()"/> opened by their name and no container uses any more. A process that ends does so by itself.</summary>
    public static void ReleaseUnused() => HostNetwork.ReleaseImplicit();

    /// <summary>Removes the bridge now, also one that is to be kept.</summary>
    /// <exception cref="NetworkException">Containers are attached to it, or another process has it open. Nothing is changed then.</exception>
    public void Remove()
    {
        if (Volatile.Read(ref _disposed) == 0)
        {
            Inner.MarkForRemoval();
            Dispose();
        }
    }

    /// <summary>Closes the network. Containers that are attached stay so, and the last of them takes it down.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Inner.Release();
        }
    }

    /// <summary>Name and subnets.</summary>
    public override string ToString() => $"{Name} {Subnet}{(Subnet is not null && Subnet6 is not null ? " " : "")}{Subnet6}";
}

/// <summary>What is asked of a network, beside its name and subnet.</summary>
public sealed record NetworkOptions
{
    /// <summary>An IPv6 subnet beside that of IPv4: "fd00:30::/64".</summary>
    public string? Subnet6 { get; init; }

    /// <summary>The bridge's own IPv4 address; null for the first of the subnet.</summary>
    public string? Gateway { get; init; }

    /// <summary>Whether there is no way out.</summary>
    public bool Isolated { get; init; }

    /// <summary>The largest packet, in bytes; null for the kernel's default of 1500.</summary>
    public int? Mtu { get; init; }

    /// <summary>The bridge's hardware address; null for one made of its IP address.</summary>
    public string? MacAddress { get; init; }

    /// <summary>Whether ports of the bridge can belong to VLANs (CONFIG_BRIDGE_VLAN_FILTERING).</summary>
    public bool VlanFiltering { get; init; }

    /// <summary>Whether the bridge stays when the last user goes, for the next one to adopt.</summary>
    public bool Keep { get; init; }

    /// <summary>The network namespace that the bridge is in, which plays the host; null for this process's own.</summary>
    public NetworkNamespace? Namespace { get; init; }
}
