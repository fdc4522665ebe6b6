using System.Net;

namespace Containers.Networking;

/// <summary>The attachments of this process in one host's networks, by address and by name.</summary>
internal sealed class NameTable
{
    private readonly Lock _one = new();
    private readonly Dictionary<IPAddress, NetworkAttachment> _byAddress = [];
    private readonly Dictionary<(BridgeNetwork, string), List<NetworkAttachment>> _byName = [];

    public void Add(NetworkAttachment attachment)
    {
        lock (_one)
        {
            foreach (IPAddress address in attachment.Addresses)
            {
                _byAddress[address] = attachment;
            }

            foreach (string name in attachment.Names)
            {
                (BridgeNetwork, string) key = (attachment.Bridge, name);
                if (!_byName.TryGetValue(key, out List<NetworkAttachment>? all))
                {
                    _byName.Add(key, all = []);
                }

                all.Add(attachment);
            }
        }
    }

    public void Remove(NetworkAttachment attachment)
    {
        lock (_one)
        {
            foreach (IPAddress address in attachment.Addresses)
            {
                if (_byAddress.GetValueOrDefault(address) == attachment)
                {
                    _byAddress.Remove(address);
                }
            }

            foreach (string name in attachment.Names)
            {
                if (_byName.TryGetValue((attachment.Bridge, name), out List<NetworkAttachment>? all) && all.Remove(attachment) && all.Count == 0)
                {
                    _byName.Remove((attachment.Bridge, name));
                }
            }
        }
    }

    public NetworkAttachment? Of(IPAddress address)
    {
        lock (_one)
        {
            return _byAddress.GetValueOrDefault(address);
        }
    }

    /// <summary>Addresses that a name has on a network, those of containers of this process.</summary>
    public IReadOnlyList<IPAddress> Find(BridgeNetwork bridge, string name)
    {
        lock (_one)
        {
            return _byName.TryGetValue((bridge, name), out List<NetworkAttachment>? all) ? [.. all.SelectMany(one => one.Addresses)] : [];
        }
    }
}
