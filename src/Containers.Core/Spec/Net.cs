namespace Containers;

/// <summary>What network a container has.</summary>
public sealed class Net
{
    private Net(string name) => Name = name;

    /// <summary>A network namespace of its own with nothing in it but <c>lo</c>, which is up. The default.</summary>
    public static Net None { get; } = new("none");

    /// <summary>The host's network namespace, with all its links and ports.</summary>
    public static Net Host { get; } = new("host");

    internal string Name { get; }

    /// <summary>The name: "none", "host".</summary>
    public override string ToString() => Name;
}
