using System.Net;
using System.Net.Sockets;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>A bridge that this process uses, shared by all of its containers there and its <see cref="Network"/> objects.</summary>
internal sealed class BridgeNetwork
{
    public const string KeepFlag = "keep", IsolatedFlag = "isolated";

    /// <summary>In the file of leases: shared by all processes that have the bridge open.</summary>
    public const long UsersLease = 0;

    // The others stand for addresses: IPv4's from here, IPv6's from there.
    private const long FirstLease4 = 1, FirstLease6 = 1L << 60;

    private readonly LockFile _leases;
    private readonly bool _keep;
    private readonly Lazy<NameResponder> _responder;
    private bool _remove;

    private BridgeNetwork(HostNetwork host, LinkInfo link, LinkAlias alias, LockFile leases)
    {
        Host = host;
        Name = link.Name;
        Index = link.Index;
        Mtu = link.Mtu;
        _leases = leases;
        _keep = alias.Flags.Contains(KeepFlag);
        Isolated = alias.Flags.Contains(IsolatedFlag);
        foreach (AddressInfo address in host.Route.GetAddresses(link.Index))
        {
            bool v4 = address.Address.AddressFamily == AddressFamily.InterNetwork;
            IPNetwork subnet = Cidr.Around(address.Address, address.PrefixLength);
            if (v4)
            {
                Pool4 ??= new AddressPool(subnet, address.Address, leases, FirstLease4);
            }
            else if (!address.Address.IsIPv6LinkLocal)
            {
                Pool6 ??= new AddressPool(subnet, address.Address, leases, FirstLease6);
            }
        }

        _responder = new Lazy<NameResponder>(() => NameResponder.Start(host.Namespace.Target, Gateway, new NetworkNames(this)));
    }

    public HostNetwork Host { get; }

    public string Name { get; }

    public int Index { get; }

    public int Mtu { get; }

    public bool Isolated { get; }

    public AddressPool? Pool4 { get; }

    public AddressPool? Pool6 { get; }

    /// <summary>The bridge's address, IPv4's if it has one: where names are asked.</summary>
    public IPAddress Gateway => (Pool4 ?? Pool6)!.Gateway;

    /// <summary>Answers questions about names; started with the first container.</summary>
    public NameResponder Responder => _responder.Value;

    /// <summary>By how many it is used; changed under the lock of <see cref="HostNetwork"/>.</summary>
    public int Uses { get; private set; }

    /// <summary>The file of leases of a bridge. There is one for as long as someone may use the bridge, in whatever way he ends.</summary>
    public static string LeasesOf(HostNetwork host, string bridge) => Path.Combine(host.StateDirectory, bridge + ".leases");

    public static LockFile OpenLeases(HostNetwork host, string bridge) => new(LeasesOf(host, bridge));

    /// <summary>The number of the lease of an address, on a bridge that need not be open.</summary>
    public static long LeaseOf(HostNetwork host, LinkInfo bridge, IPAddress address)
    {
        bool v4 = address.AddressFamily == AddressFamily.InterNetwork;
        AddressInfo? own = host.Route.GetAddresses(bridge.Index).FirstOrDefault(one => one.Address.AddressFamily == address.AddressFamily && !one.Address.IsIPv6LinkLocal);
        return own is null ? -1 : AddressPool.LeaseOf(Cidr.Around(own.Address, own.PrefixLength), address, v4 ? FirstLease4 : FirstLease6);
    }

    /// <summary>Adopts the bridge, or makes it. Called with the lock of <see cref="NetworkState"/>.</summary>
    public static BridgeNetwork Open(HostNetwork host, BridgeRequest request)
    {
        LockFile leases = OpenLeases(host, request.Name);
        LinkInfo? made = null;
        try
        {
            LinkInfo link = host.Route.TryGetLink(request.Name) ?? (made = BridgeMaker.Make(host, request));
            if (link.Kind != "bridge" || LinkAlias.TryParse(link.Alias) is not { IsBridge: true } alias)
            {
                throw new NetworkException($"\"{link.Name}\" is {(link.Kind is null ? "a physical link" : $"a link of kind {link.Kind}")} that this library did not make.", "Choose another name for the network.");
            }

            leases.Share(UsersLease);
            BridgeNetwork bridge = new(host, link, alias, leases);
            bridge.CheckAsAsked(request);
            bridge.SwitchOn();
            return bridge;
        }
        catch
        {
            bool unused = !leases.IsTakenElsewhere(UsersLease);
            leases.Dispose();
            host.Rules.RemoveNetwork(request.Name);
            BridgeMaker.Delete(host, made);
            if (unused)
            {
                File.Delete(leases.Path);
            }

            throw;
        }
    }

    /// <exception cref="NetworkException">It is another one than is asked for.</exception>
    public void CheckAsAsked(BridgeRequest request)
    {
        Check(request.Subnet4, Pool4?.Subnet);
        Check(request.Subnet6, Pool6?.Subnet);
        if (request.Gateway4 is { } gateway && !gateway.Equals(Pool4?.Gateway))
        {
            throw new NetworkException($"The network \"{Name}\" is there with the gateway {Pool4?.Gateway}, and not {gateway}.");
        }

        if (request.Isolated && !Isolated)
        {
            throw new NetworkException($"The network \"{Name}\" is there with a way out, and is to be isolated.", "Choose another name for the network.");
        }

        void Check(IPNetwork? asked, IPNetwork? there)
        {
            if (asked is not null && asked != there)
            {
                throw new NetworkException($"The network \"{Name}\" is there with the subnet {there?.ToString() ?? "(none)"}, and not {asked}.", "Leave the subnet out to use it as it is, or choose another name.");
            }
        }
    }

    /// <summary>One use more of a bridge that an open <see cref="Network"/> uses.</summary>
    public BridgeNetwork UseAgain() => HostNetwork.UseAgain(this);

    public BridgeNetwork Use()
    {
        Uses++;
        return this;
    }

    /// <returns>Whether that was the last one.</returns>
    public bool EndUse() => --Uses == 0;

    public void Release() => Host.Release(this);

    /// <exception cref="NetworkException">It is in use.</exception>
    public void MarkForRemoval()
    {
        if (Uses > 1 || _leases.IsTakenElsewhere(UsersLease))
        {
            throw new NetworkException($"The network \"{Name}\" is in use{(Uses > 1 ? "" : " by another process")} and cannot be removed.", "Dispose its containers, and whoever else has it open, first.");
        }

        _remove = true;
    }

    /// <summary>Called with the lock of <see cref="NetworkState"/>, by the last user in this process.</summary>
    public void Close()
    {
        if (_responder.IsValueCreated)
        {
            _responder.Value.Dispose();
        }

        Host.Rules.RemoveNetwork(Name);
        Forwarding.Disable(Host.Namespace.Target, Name);
        bool last = !_leases.IsTakenElsewhere(UsersLease);
        _leases.Dispose();
        if (!last)
        {
            return;
        }

        // The file last: a bridge without one is taken for another's, who keeps his locks elsewhere, and left where it is.
        if (!_keep || _remove)
        {
            BridgeMaker.Delete(Host, Host.Route.TryGetLink(Index));
        }

        File.Delete(_leases.Path);
    }

    private void SwitchOn()
    {
        if (Pool4 is null && Pool6 is null)
        {
            throw new NetworkException($"The bridge \"{Name}\" has lost its address.", $"Remove it: ip link delete {Name}");
        }

        NatNetwork network = new(Name, Pool4?.Subnet, Pool6?.Subnet, Isolated);
        Host.Rules.AddNetwork(network);
        Forwarding.Enable(Host.Namespace.Target, network);
    }
}
