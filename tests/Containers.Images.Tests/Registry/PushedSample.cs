namespace Containers.Tests.Images.Registry;

/// <summary>The sample image, and a registry that has it, for the tests of a class. The host is checked when both are gone.</summary>
public sealed class PushedSample : IDisposable
{
    private readonly HashSet<string> _pushed = [];

    // Started when it is first asked for, as the image is made.
    private readonly Lazy<RegistryServer> _registry = new(() =>
    {
        Requires.Owners();
        Requires.Tools("docker-registry", "umoci");
        return new RegistryServer();
    });

    public SampleImage Sample { get; } = new();

    internal RegistryServer Registry => _registry.Value;

    /// <summary>Has the registry have the image by a name, and returns the whole of it.</summary>
    public string Push(string name = "team/app:1", params string[] options)
    {
        if (_pushed.Add(name))
        {
            Registry.Push($"oci:{Sample.Layout}:1", name, options);
        }

        return $"{Registry.Name}/{name}";
    }

    public void Dispose()
    {
        if (_registry.IsValueCreated)
        {
            Registry.Dispose();
        }

        Sample.Dispose();
    }
}
