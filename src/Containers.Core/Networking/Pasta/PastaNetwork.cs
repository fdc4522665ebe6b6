using System.Net;
using System.Net.Sockets;

namespace Containers.Networking;

/// <summary>A container's network by pasta: the process that carries its packets, and who answers it names.</summary>
internal sealed class PastaNetwork : IDisposable
{
    private readonly PastaProcess _process;
    private readonly NameResponder _names;

    private PastaNetwork(PastaProcess process, NameResponder names, IReadOnlyList<PortPublication> ports) => (_process, _names, Ports) = (process, names, ports);

    public IReadOnlyList<PortPublication> Ports { get; }

    /// <param name="users">Who is in the container's user namespace, which the network belongs to; null for the host's.</param>
    /// <summary>Starts it; the container's interface is up when this returns.</summary>
    /// <exception cref="NetworkException">Something is asked for that pasta has not.</exception>
    /// <exception cref="ContainerException">pasta is not installed, or refused.</exception>
    public static PastaNetwork Start(NetSpec spec, NetworkNamespace inside, Native.Deputy? users)
    {
        if (spec.Address is not null || spec.Address6 is not null || spec.Gateway is not null || spec.Vlan is not null || spec.MacAddress is not null || spec.Mtu is not null || spec.Aliases.Length > 0)
        {
            throw new NetworkException("A container whose packets go through pasta has the host's addresses: it can have no address, gateway, MAC address, MTU, VLAN or alias of its own.", "Leave them out, or use a bridge.");
        }

        // A responder for each: everyone who asks arrives as 127.0.0.1.
        NameResponder names = NameResponder.Start(null, IPAddress.Loopback, new OutsideNames(spec));
        try
        {
            using Native.NamespaceHandle? user = users?.OpenNamespace("user");
            PastaProcess process = PastaProcess.Start(inside.Handle, user, new PastaOptions
            {
                NamesPort = names.Port,
                InterfaceName = spec.Interface ?? "eth0",
                Ports = [.. spec.Ports.Select(port => new PastaPort((ProtocolType)port.Protocol, port.HostPort, port.ContainerPort, port.HostAddress))],
            });
            return new PastaNetwork(process, names, [.. spec.Ports.Zip(process.Ports, (asked, had) => asked with { HostPort = had.HostPort })]);
        }
        catch
        {
            names.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _process.Dispose();
        _names.Dispose();
    }

    /// <summary>No container's names: what is asked is asked for outside.</summary>
    private sealed class OutsideNames(NetSpec spec) : INameSource
    {
        public IReadOnlyList<IPAddress>? Find(string name, IPAddress asker) => null;

        public string? FindName(IPAddress address, IPAddress asker) => null;

        public IReadOnlyList<IPEndPoint>? Resolvers(IPAddress asker) => spec.Dns.Length > 0 ? [.. spec.Dns.Select(server => new IPEndPoint(server, 53))] : null;

        public bool Forwards(IPAddress asker) => true;
    }
}
