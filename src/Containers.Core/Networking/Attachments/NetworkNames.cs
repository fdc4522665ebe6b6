using System.Net;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>
/// What a bridge's containers can ask for: this process's from a table, those of other processes from the aliases of the
/// bridge's ports, which the kernel has for exactly as long as the containers live.
/// </summary>
internal sealed class NetworkNames(BridgeNetwork bridge) : INameSource
{
    public IReadOnlyList<IPAddress>? Find(string name, IPAddress asker)
    {
        string wanted = name.ToLowerInvariant();
        List<IPAddress> found = [];
        bool known = false;
        foreach (BridgeNetwork network in Networks(asker))
        {
            IReadOnlyList<IPAddress> own = bridge.Host.Names.Find(network, wanted);
            known |= own.Count > 0;
            found.AddRange(own);
        }

        if (known)
        {
            return found;
        }

        foreach (BridgeNetwork network in Networks(asker))
        {
            foreach (LinkAlias alias in Others(network))
            {
                if (alias.Id == wanted || alias.Names.Contains(wanted))
                {
                    known = true;
                    found.AddRange(alias.Addresses);
                }
            }
        }

        return known ? found : null;
    }

    public string? FindName(IPAddress address, IPAddress asker)
    {
        if (!Networks(asker).Any(network => network.Pool4?.Subnet.Contains(address) == true || network.Pool6?.Subnet.Contains(address) == true))
        {
            return null;
        }

        return bridge.Host.Names.Of(address)?.Names[0]
            ?? Networks(asker).SelectMany(Others).FirstOrDefault(alias => alias.Addresses.Contains(address)) switch
            {
                { Names: [string first, ..] } => first,
                { } alias => alias.Id,
                null => null,
            };
    }

    public IReadOnlyList<IPEndPoint>? Resolvers(IPAddress asker)
        => bridge.Host.Names.Of(asker) is { Dns.Length: > 0 } attachment ? [.. attachment.Dns.Select(server => new IPEndPoint(server, 53))] : null;

    // A container that has one way out may ask through it, whichever of its networks the question came by. Nobody else may: the
    // port would answer for all who can route to it.
    public bool Forwards(IPAddress asker) => bridge.Host.Names.Of(asker) is { } attachment && attachment.Siblings.Any(one => !one.Bridge.Isolated);

    private IEnumerable<BridgeNetwork> Networks(IPAddress asker)
        => bridge.Host.Names.Of(asker)?.Siblings.Select(one => one.Bridge) ?? [bridge];

    private static IEnumerable<LinkAlias> Others(BridgeNetwork network)
    {
        foreach (LinkInfo link in network.Host.Route.GetLinks(network.Index))
        {
            if (LinkAlias.TryParse(link.Alias) is { IsBridge: false } alias)
            {
                yield return alias;
            }
        }
    }
}
