namespace Containers;

// Networks: attached to bridges, shared, or none.
public sealed partial class ContainerBuilder
{
    /// <summary>A network of its own with nothing but <c>lo</c>: the same as <c>WithNet(Net.None)</c>. The default.</summary>
    public ContainerBuilder WithNetNs() => WithNet(Net.None);

    /// <summary>The host's network: the same as <c>WithNet(Net.Host)</c>.</summary>
    public ContainerBuilder WithHostNetNs() => WithNet(Net.Host);

    /// <summary>
    /// Attaches to the default bridge, <c>containers0</c>, with NAT to the outside: the container has an address and a default route, finds others on the bridge by name,
    /// and reaches what the host reaches.
    /// </summary>
    public ContainerBuilder WithNet() => WithNet(net => net);

    /// <summary>Attaches to a network. Called again it attaches to another one beside it: the first has the default route.</summary>
    /// <param name="net">Describes it, beginning with the default bridge: <c>net => net.Bridge("ctr0").Publish(8080, 80)</c>.</param>
    public ContainerBuilder WithNet(Func<NetBuilder, NetBuilder> net)
    {
        ArgumentNullException.ThrowIfNull(net);
        return WithSpec(Private(ContainerNamespaces.Net).Spec with { Net = Net.None, Networks = Spec.Networks.Add(net(new NetBuilder(new NetSpec())).Spec) });
    }

    /// <summary>Attaches to a network that is open.</summary>
    /// <param name="network">The network.</param>
    public ContainerBuilder WithNet(Network network) => WithNet(net => net.Network(network));

    /// <summary>Chooses a network that needs no bridge, and takes back all others.</summary>
    /// <param name="net"><see cref="Net.None"/>, <see cref="Net.Host"/>, or <see cref="Net.Of(Container)"/>.</param>
    public ContainerBuilder WithNet(Net net)
    {
        ArgumentNullException.ThrowIfNull(net);
        ContainerBuilder builder = net == Net.Host ? Shared(ContainerNamespaces.Net) : Private(ContainerNamespaces.Net);
        return builder.WithSpec(builder.Spec with { Net = net, Networks = [] });
    }
}
