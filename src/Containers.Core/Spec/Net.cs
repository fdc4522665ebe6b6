namespace Containers;

/// <summary>What network a container has, where it is not one of <see cref="ContainerSpec.Networks"/>.</summary>
public sealed class Net
{
    private readonly string _name;

    private Net(string name) => _name = name;

    /// <summary>A network namespace of its own with nothing in it but <c>lo</c>, which is up. The default.</summary>
    public static Net None { get; } = new("none");

    /// <summary>The host's network namespace, with all its links and ports.</summary>
    public static Net Host { get; } = new("host");

    internal Container? Container { get; private init; }

    internal NetworkNamespace? Namespace { get; private init; }

    /// <summary>The network of a container that is running, links and ports and all, as the containers of a pod share one. Its resolver and hosts file come with it.</summary>
    /// <param name="container">It has to be running when the other one starts, and should outlive it.</param>
    public static Net Of(Container container)
    {
        ArgumentNullException.ThrowIfNull(container);
        return new Net("container:" + container.Id) { Container = container };
    }

    /// <summary>A network namespace that is there already, as it is.</summary>
    /// <param name="networkNamespace">It has to be open when the container starts.</param>
    public static Net Of(NetworkNamespace networkNamespace)
    {
        ArgumentNullException.ThrowIfNull(networkNamespace);
        return new Net("namespace:" + networkNamespace.Name) { Namespace = networkNamespace };
    }

    /// <summary>The name: "none", "host", "container:ID", "namespace:NAME".</summary>
    public override string ToString() => _name;
}
