using Containers.Native;
using Containers.Networking;
using Containers.UserNamespaces;

namespace Containers.Launch;

/// <summary>The network a spec asks for, made or found before the container is cloned.</summary>
internal sealed class ContainerNet : IDisposable
{
    private const string AttachedWhy = "Its links, addresses and routes are there already";

    private readonly NamespaceHandle? _entered;

    private ContainerNet(LaunchNetwork launch, NamespaceHandle? entered = null, ContainerNetworking? networking = null)
        => (Launch, _entered, Networking) = (launch, entered, networking);

    public LaunchNetwork Launch { get; }

    /// <summary>What it is attached to; null for a container without networks. The container's, once it has started.</summary>
    public ContainerNetworking? Networking { get; }

    public static ContainerNet Make(ContainerSpec spec, string id, ContainerUserNs? users)
    {
        string hostname = RequestBuilder.SeenHostname(spec, id);
        if (!spec.Private(ContainerNamespaces.Net))
        {
            return new ContainerNet(LaunchNetwork.OfHost(hostname));
        }

        if (spec.Networks.Length > 0)
        {
            ContainerNetworking networking = ContainerNetworking.Make(spec, id, hostname, users?.Deputy);
            string hosts = LaunchNetwork.HostsOf(hostname, networking.Addresses);
            LaunchNetwork launch = users is null
                ? new(networking.Namespace.Handle.Descriptor, AttachedWhy, hosts, networking.ResolverFile)
                : new(-1, AttachedWhy, hosts, networking.ResolverFile) { Inherited = true };
            return new ContainerNet(launch, networking: networking);
        }

        if (users is not null)
        {
            return spec.Net == Net.None
                ? new ContainerNet(LaunchNetwork.None(hostname) with { Inherited = true })
                : throw new NetworkException($"A container with users of its own cannot enter the network {spec.Net}, which belongs to others.", "Networks and ports can be given to it by WithNet(net => …).");
        }

        if (spec.Net.Container is { } container)
        {
            (NamespaceHandle handle, LaunchNetwork theirs) = container.ShareNetwork();
            return new ContainerNet(theirs with { Namespace = handle.Descriptor, Why = $"The container \"{container.Id}\" shares its network" }, handle);
        }

        if (spec.Net.Namespace is { } given)
        {
            NamespaceHandle handle = given.Handle.Duplicate();
            return new ContainerNet(LaunchNetwork.OfHost(hostname) with { Namespace = handle.Descriptor, Why = $"The {spec.Net} was asked for" }, handle);
        }

        NamespaceHandle? spare = SpareNetNamespace.TryTake();
        return new ContainerNet(LaunchNetwork.None(hostname, spare?.Descriptor ?? -1), spare);
    }

    /// <summary>What a start would have, with nothing made.</summary>
    public static LaunchNetwork Explained(ContainerSpec spec, string id)
    {
        const int Example = 4; // a number that a descriptor may have
        string hostname = RequestBuilder.SeenHostname(spec, id);
        if (spec.Networks.Length > 0)
        {
            (IReadOnlyList<System.Net.IPAddress> addresses, IReadOnlyList<System.Net.IPAddress> resolvers) = NetworkScript.Foresee(spec);
            return new LaunchNetwork(spec.Private(ContainerNamespaces.User) ? -1 : Example, AttachedWhy, LaunchNetwork.HostsOf(hostname, addresses), ResolvConf.Read("/etc/resolv.conf").ForContainer(resolvers)) { Inherited = spec.Private(ContainerNamespaces.User) };
        }

        return !spec.Private(ContainerNamespaces.Net) ? LaunchNetwork.OfHost(hostname)
            : spec.Net == Net.None ? LaunchNetwork.None(hostname) with { Inherited = spec.Private(ContainerNamespaces.User) }
            : LaunchNetwork.None(hostname, Example) with { Why = $"The network {spec.Net} is shared" };
    }

    /// <summary>The container is in its namespace, and keeps it.</summary>
    public void Entered() => _entered?.Dispose();

    /// <summary>After a failure, which is not to be hidden by one of undoing.</summary>
    public void Dispose()
    {
        _entered?.Dispose();
        Networking?.Release();
    }
}
