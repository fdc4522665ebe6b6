using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Containers.Networking;

/// <summary>A port of the host that leads to one of the container.</summary>
/// <param name="Protocol">TCP or UDP. Versions of pasta before 2024 bring the answers of UDP back only to clients on the host's loopback,
/// and only where both ports have the same number.</param>
/// <param name="HostPort">0 for one that is free.</param>
/// <param name="ContainerPort">Where it leads.</param>
/// <param name="Address">The host's address that listens; null for all of them.</param>
internal sealed record PastaPort(ProtocolType Protocol, int HostPort, int ContainerPort, IPAddress? Address = null)
{
    /// <summary>As pasta takes it: "127.0.0.1/8080:80".</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{(Address is null ? "" : $"{Address}/")}{HostPort}:{ContainerPort}");
}

/// <summary>What pasta does for a container. Nothing is forwarded, in either direction, that is not named here.</summary>
internal sealed record PastaOptions
{
    /// <summary>Ports of the host that lead into the container.</summary>
    public IReadOnlyList<PastaPort> Ports { get; init; } = [];

    /// <summary>
    /// Addresses, one of each version at most, where the host's resolver answers the container. Any will do that the container does not need for
    /// something else. Versions of pasta before 2024 do this for UDP only.
    /// </summary>
    public IReadOnlyList<IPAddress> DnsForward { get; init; } = [];

    /// <summary>The port of a <see cref="NameResponder"/> on the host's loopback that answers at port 53 of the container's own loopback, by UDP and TCP.</summary>
    public int? NamesPort { get; init; }

    /// <summary>Whether the container has the host's addresses of version 4.</summary>
    public bool IPv4 { get; init; } = true;

    /// <summary>Whether the container has the host's addresses of version 6.</summary>
    public bool IPv6 { get; init; } = true;

    /// <summary>Whether the address of the gateway leads to the host's loopback, with all that listens there.</summary>
    public bool ReachesHostLoopback { get; init; }

    /// <summary>The name of the container's interface.</summary>
    public string InterfaceName { get; init; } = "eth0";

    /// <summary>Where the program is looked for; null for PATH.</summary>
    public string? SearchPath { get; init; }
}
