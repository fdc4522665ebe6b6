using System.Net;
using Containers.Networking;

namespace Containers.Tests.Names;

/// <summary>Names as a test writes them down.</summary>
internal sealed class TestNames : INameSource
{
    public Dictionary<string, IPAddress[]> Addresses { get; } = new()
    {
        ["db"] = [IPAddress.Parse("172.30.0.5"), IPAddress.Parse("fd00:30::5")],
        ["four"] = [IPAddress.Parse("172.30.0.6")],
        ["six"] = [IPAddress.Parse("fd00:30::7")],
        ["many"] = [.. Enumerable.Range(0, 250).Select(i => new IPAddress([172, 30, 1, (byte)i]))],
    };

    public IReadOnlyList<IPEndPoint>? Servers { get; set; }

    public bool IsIsolated { get; set; }

    public List<(string Name, IPAddress Asker)> Asked { get; } = [];

    public IReadOnlyList<IPAddress>? Find(string name, IPAddress asker)
    {
        lock (Asked)
        {
            Asked.Add((name, asker));
        }

        return name == "broken" ? throw new InvalidOperationException("broken") : Addresses.GetValueOrDefault(name);
    }

    public string? FindName(IPAddress address, IPAddress asker)
        => Addresses.FirstOrDefault(pair => pair.Value.Contains(address)).Key;

    public IReadOnlyList<IPEndPoint>? Resolvers(IPAddress asker) => Servers;

    public bool Forwards(IPAddress asker) => !IsIsolated;
}
