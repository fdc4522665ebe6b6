using System.Net;
using Containers.Networking;

namespace Containers;

/// <summary>A container's links to its networks, while it lives.</summary>
public sealed class ContainerNetwork
{
    private readonly Container _container;

    internal ContainerNetwork(Container container, ContainerNetworking? networking)
    {
        _container = container;
        Interfaces = networking is null ? [] : [.. networking.Attachments.Select(one => new ContainerInterface(container, networking, one))];
        Ports = networking?.Ports ?? [];
    }

    /// <summary>One a network, in the order they were asked for. Empty without networks.</summary>
    public IReadOnlyList<ContainerInterface> Interfaces { get; }

    /// <summary>Ports of the host that lead to the container.</summary>
    public IReadOnlyList<PortPublication> Ports { get; }

    /// <summary>The first IPv4 address; null when it has none.</summary>
    public IPAddress? Address => Interfaces.FirstOrDefault(one => one.Address is not null)?.Address;

    /// <summary>The first IPv6 address; null when it has none.</summary>
    public IPAddress? Address6 => Interfaces.FirstOrDefault(one => one.Address6 is not null)?.Address6;

    /// <summary>Makes all links slow, lossy or unordered, in each direction: see <see cref="ContainerInterface.Impair"/>.</summary>
    /// <param name="conditions">What they are like.</param>
    /// <returns>Dispose it to have them as they were.</returns>
    public IDisposable Impair(LinkConditions conditions)
    {
        if (Interfaces.Count == 0)
        {
            throw new NetworkException($"The container \"{_container.Id}\" has no link to a network of this library.");
        }

        return Reverting.All(Interfaces, one => one.Impair(conditions));
    }
}

/// <summary>One link of a container: its end inside, and the one on the bridge.</summary>
public sealed class ContainerInterface
{
    private readonly Container _container;
    private readonly ContainerNetworking _networking;
    private readonly NetworkAttachment _attachment;

    internal ContainerInterface(Container container, ContainerNetworking networking, NetworkAttachment attachment)
        => (_container, _networking, _attachment) = (container, networking, attachment);

    /// <summary>Its name inside: eth0.</summary>
    public string Name => _attachment.Interface;

    /// <summary>The network's name.</summary>
    public string Network => _attachment.Bridge.Name;

    /// <summary>The IPv4 address.</summary>
    public IPAddress? Address => _attachment.Address4;

    /// <summary>The IPv6 address.</summary>
    public IPAddress? Address6 => _attachment.Address6;

    /// <summary>Names that others on the network find it by.</summary>
    public IReadOnlyList<string> Names => _attachment.Names;

    /// <summary>The end inside the container.</summary>
    /// <exception cref="NetworkException">The container has ended, and its links with it.</exception>
    public NetworkLink Link => Living(() => _networking.Namespace.Link(Name));

    /// <summary>The end on the bridge.</summary>
    /// <exception cref="NetworkException">The container has ended, and its links with it.</exception>
    public NetworkLink HostLink => Living(() => _attachment.Bridge.Host.Namespace.Link(_attachment.HostInterface));

    /// <summary>What has passed, as the container counts it: what it received is what others sent.</summary>
    public LinkCounters Counters() => Living(() => _networking.Namespace.Link(Name).Counters()); // the link may go between the two

    /// <summary>Makes the link slow, lossy or unordered, in each direction: a delay of 50 ms makes a round trip 100 ms longer.</summary>
    /// <param name="conditions">What it is like.</param>
    /// <returns>Dispose it to have the link as it was. It ends with the container, too.</returns>
    /// <exception cref="NetworkException">The kernel has no sch_netem, which all but a rate needs; or the container has ended.</exception>
    public IDisposable Impair(LinkConditions conditions) => Reverting.All([Link, HostLink], link => link.Impair(conditions));

    private T Living<T>(Func<T> find)
    {
        try
        {
            return find();
        }
        catch (Exception e) when (_container.Exit is not null && e is ContainerException or ObjectDisposedException)
        {
            throw new NetworkException($"The link {Name} of the container \"{_container.Id}\" went when it ended.", innerException: e);
        }
    }
}

/// <summary>Several changes that are taken back together.</summary>
internal sealed class Reverting(IReadOnlyList<IDisposable> changes) : IDisposable
{
    /// <summary>Makes a change of each; those before are taken back when one fails.</summary>
    public static IDisposable All<T>(IReadOnlyList<T> items, Func<T, IDisposable> change)
    {
        List<IDisposable> changes = [];
        try
        {
            foreach (T item in items)
            {
                changes.Add(change(item));
            }

            return new Reverting(changes);
        }
        catch
        {
            new Reverting(changes).Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        for (int i = changes.Count - 1; i >= 0; i--)
        {
            changes[i].Dispose();
        }
    }
}
