using System.Net;

namespace Containers.Networking;

/// <summary>The networks of one container: made before it starts, undone when it has ended.</summary>
internal sealed class ContainerNetworking : IDisposable
{
    private readonly List<NetworkAttachment> _attachments = [];
    private readonly Lock _one = new();
    private PastaNetwork? _pasta;
    private NetworkException? _failure;
    private bool _disposed;

    private ContainerNetworking(NetworkNamespace inside) => Namespace = inside;

    /// <summary>The container's network namespace.</summary>
    public NetworkNamespace Namespace { get; }

    public IReadOnlyList<NetworkAttachment> Attachments => _attachments;

    /// <summary>What stands in /etc/resolv.conf.</summary>
    public string ResolverFile { get; private set; } = "";

    /// <summary>Ports of the host that lead to it.</summary>
    public IReadOnlyList<PortPublication> Ports => [.. _attachments.SelectMany(one => one.Ports).Select(port => port.Port), .. _pasta?.Ports ?? []];

    /// <summary>The addresses that /etc/hosts gives its own name.</summary>
    public IEnumerable<IPAddress> Addresses => _attachments.SelectMany(one => one.Addresses);

    /// <summary>Makes the networks that a spec asks for; nothing is left of them when one fails.</summary>
    /// <param name="users">Who is in the container's user and network namespace; null for a container without a user namespace.</param>
    public static ContainerNetworking Make(ContainerSpec spec, string id, string hostname, Native.Deputy? users = null)
    {
        if (Native.Kernel.geteuid() != 0 && !spec.Networks.All(net => net.Pasta))
        {
            throw new NetworkException("A container's link to a bridge needs root, and this process is not privileged.", "net.Pasta() gives it a network without: packets go through the program pasta. Net.Host and Net.None need nothing.");
        }

        ContainerNetworking networking = new(users is null ? TakeNamespace() : NetworkNamespace.Of(users.OpenNamespace("net")));
        try
        {
            if (spec.Networks.Any(net => net.Pasta))
            {
                NetSpec only = spec.Networks[0];
                networking._pasta = spec.Networks.Length == 1
                    ? PastaNetwork.Start(only, networking.Namespace, users)
                    : throw new NetworkException("A container whose packets go through pasta has no other network.");
                networking.ResolverFile = ResolvConf.Read("/etc/resolv.conf").ForContainer([IPAddress.Loopback], only.Search is { } own ? own : null);
                return networking;
            }

            NetSpec? chosen = WithDefaultRoute(spec);
            foreach (NetSpec net in spec.Networks)
            {
                BridgeNetwork bridge = Open(net);
                bool isDefaultRoute = chosen is null ? networking._attachments.All(one => one.Bridge.Isolated) : ReferenceEquals(net, chosen);
                NetworkAttachment.Make(bridge, net, id, hostname, networking.Namespace, isDefaultRoute, networking._attachments);
            }

            networking.ResolverFile = networking.MakeResolverFile(spec);
            return networking;
        }
        catch
        {
            networking.Release(); // what went wrong is not to be hidden by what goes wrong now
            throw;
        }
    }

    // The one that names a gateway; without one, the first with a way out.
    private static NetSpec? WithDefaultRoute(ContainerSpec spec)
    {
        NetSpec[] named = [.. spec.Networks.Where(net => net.Gateway is not null)];
        return named.Length <= 1
            ? named.FirstOrDefault()
            : throw new NetworkException($"A container has one default route: the gateways {string.Join(" and ", named.Select(net => net.Gateway))} cannot both have it.");
    }

    /// <summary>Undoes it all, once; who comes second waits for that.</summary>
    /// <exception cref="NetworkException">Something could not be undone.</exception>
    public void Dispose()
    {
        lock (_one)
        {
            if (!_disposed)
            {
                _disposed = true;
                Undo();
            }
        }

        if (_failure is not null)
        {
            throw _failure;
        }
    }

    /// <summary>As <see cref="Dispose"/>; what fails is told by that.</summary>
    public void Release()
    {
        try
        {
            Dispose();
        }
        catch (NetworkException)
        {
            // Kept: whoever disposes the container hears of it.
        }
    }

    private static NetworkNamespace TakeNamespace()
    {
        try
        {
            return NetworkNamespace.TakeSpare();
        }
        catch (KernelException e) when (e.Errno == Errno.EPERM)
        {
            throw new NetworkException($"A container's network cannot be made: {e.Message}", "It takes CAP_NET_ADMIN and CAP_SYS_ADMIN: run as root.", e);
        }
    }

    private void Undo()
    {
        for (int i = _attachments.Count - 1; i >= 0; i--)
        {
            try
            {
                _attachments[i].Dispose();
            }
            catch (ContainerException e)
            {
                _failure ??= new NetworkException($"A container's network could not be taken down: {e.Message}", innerException: e);
            }
        }

        _pasta?.Dispose();
        Namespace.Dispose();
    }

    private static BridgeNetwork Open(NetSpec net)
        => net.Network is { } network
            ? network.Inner.UseAgain()
            : HostNetwork.Open(BridgeRequest.Of(net), implicitly: true);

    // The first network with a way out answers for all: a resolver that has an answer asks nobody else.
    private string MakeResolverFile(ContainerSpec spec)
    {
        IEnumerable<IPAddress> gateways = _attachments.OrderBy(one => one.Bridge.Isolated).Select(one => one.Bridge.Gateway).Distinct().Take(3); // as many as resolvers look at: resolv.conf(5)
        IReadOnlyList<string>? search = spec.Networks.Select(net => net.Search).FirstOrDefault(one => one is not null) is { } given ? given : null;
        return ResolvConf.Read("/etc/resolv.conf").ForContainer(gateways, search, forwards: _attachments.Any(one => !one.Bridge.Isolated));
    }
}
