using System.Globalization;
using Containers.Native;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>
/// What this process has in one network namespace that plays the host: the bridges that it uses, its table of rules, its
/// place among the processes that do the same. Made with the first network and gone with the last.
/// </summary>
internal sealed class HostNetwork : IDisposable
{
    // In the file "processes": byte 0 is shared by all who use networks here; each has one of the others for its table.
    public const long Users = 0;

    private static readonly Lock s_one = new();
    private static readonly Dictionary<ulong, HostNetwork> s_hosts = [];
    private static ulong s_own;

    private readonly Dictionary<string, BridgeNetwork> _bridges = [];
    private readonly HashSet<BridgeNetwork> _implicit = [];
    private readonly LockFile _processes;
    private readonly Lazy<bool> _needsHairpin;
    private readonly long _slot;

    private HostNetwork(NetworkNamespace networkNamespace)
    {
        Namespace = networkNamespace;
        _needsHairpin = new Lazy<bool>(() => Forwarding.NeedsHairpin(networkNamespace.Target));
        StateDirectory = NetworkState.DirectoryOf(networkNamespace.Inode);
        Directory.CreateDirectory(StateDirectory);
        string processes = Path.Combine(StateDirectory, "processes");
        bool known = File.Exists(processes);
        _processes = new LockFile(processes);
        try
        {
            if (known)
            {
                StaleNetworks.Remove(this, _processes); // where nobody was before us, what is there belongs to who keeps his locks elsewhere
            }

            _processes.Share(Users);
            for (_slot = 1; !_processes.TryTake(_slot); _slot++)
            {
            }

            Rules = NatTable.Create(networkNamespace.Target, (int)_slot);
        }
        catch
        {
            _processes.Dispose();
            DeleteState();
            throw;
        }
    }

    public NetworkNamespace Namespace { get; }

    public RouteSocket Route => Namespace.Route;

    public NatTable Rules { get; }

    /// <summary>Whether a bridge has to send packets back to the port they came from, for a container to reach its own published ports: with br_netfilter.</summary>
    public bool NeedsHairpin => _needsHairpin.Value;

    /// <summary>Who has which address, in this process.</summary>
    public NameTable Names { get; } = new();

    public string StateDirectory { get; }

    /// <summary>Opens a bridge, and counts one use of it.</summary>
    /// <param name="request">What it has to be.</param>
    /// <param name="where">The namespace it is in; null for this process's own.</param>
    /// <param name="implicitly">Whether the process itself is to keep it in use, too, since nobody holds it between two containers.</param>
    public static BridgeNetwork Open(BridgeRequest request, NetworkNamespace? where = null, bool implicitly = false)
    {
        lock (s_one)
        {
            if (implicitly && s_hosts.TryGetValue(s_own, out HostNetwork? own) && own._bridges.TryGetValue(request.Name, out BridgeNetwork? there))
            {
                there.CheckAsAsked(request);
                return there.Use(); // the way of every container but the first: no lock of the host's, nothing asked of the kernel
            }

            using PathHandle hostLock = NetworkState.Lock();
            HostNetwork host = Find(where);
            try
            {
                if (!host._bridges.TryGetValue(request.Name, out BridgeNetwork? bridge))
                {
                    bridge = BridgeNetwork.Open(host, request);
                    host._bridges.Add(request.Name, bridge);
                    if (implicitly)
                    {
                        host._implicit.Add(bridge.Use());
                    }
                }
                else
                {
                    bridge.CheckAsAsked(request);
                }

                return bridge.Use();
            }
            finally
            {
                host.CloseIfUnused();
            }
        }
    }

    /// <summary>One use more of a bridge.</summary>
    /// <exception cref="NetworkException">It was closed.</exception>
    public static BridgeNetwork UseAgain(BridgeNetwork bridge)
    {
        lock (s_one)
        {
            return bridge.Uses > 0 ? bridge.Use() : throw new NetworkException($"The network \"{bridge.Name}\" was disposed.");
        }
    }

    /// <summary>One use less of a bridge; the last one closes it.</summary>
    public void Release(BridgeNetwork bridge)
    {
        lock (s_one)
        {
            if (!bridge.EndUse())
            {
                return;
            }

            using PathHandle hostLock = NetworkState.Lock();
            _bridges.Remove(bridge.Name);
            try
            {
                bridge.Close();
            }
            finally
            {
                CloseIfUnused();
            }
        }
    }

    /// <summary>Ends the uses that the process itself makes of bridges.</summary>
    public static void ReleaseImplicit()
    {
        List<BridgeNetwork> unused;
        lock (s_one)
        {
            unused = [.. s_hosts.Values.SelectMany(host => host._implicit).Where(bridge => bridge.Uses == 1)];
            foreach (BridgeNetwork bridge in unused)
            {
                bridge.Host._implicit.Remove(bridge);
            }
        }

        foreach (BridgeNetwork bridge in unused)
        {
            bridge.Release();
        }
    }

    private static HostNetwork Find(NetworkNamespace? where)
    {
        NetworkNamespace opened = where is null ? NetworkNamespace.Current() : where.Duplicate();
        if (s_hosts.TryGetValue(opened.Inode, out HostNetwork? host))
        {
            opened.Dispose();
            return host;
        }

        try
        {
            host = new HostNetwork(opened);
        }
        catch
        {
            opened.Dispose();
            throw;
        }

        if (s_hosts.Count == 0)
        {
            AppDomain.CurrentDomain.ProcessExit += AtExit;
        }

        s_hosts.Add(opened.Inode, host);
        if (where is null)
        {
            s_own = opened.Inode;
        }

        return host;
    }

    // A process that ends in peace takes its bridges with it, unless it left containers running on them.
    private static void AtExit(object? sender, EventArgs e)
    {
        try
        {
            ReleaseImplicit();
        }
        catch (ContainerException)
        {
            // There is nobody left to tell. The next process that uses networks finds what is left, and removes it.
        }
    }

    private void CloseIfUnused()
    {
        if (_bridges.Count > 0)
        {
            return;
        }

        s_hosts.Remove(Namespace.Inode);
        if (s_own == Namespace.Inode)
        {
            s_own = 0;
        }

        if (s_hosts.Count == 0)
        {
            AppDomain.CurrentDomain.ProcessExit -= AtExit;
        }

        Dispose();
    }

    /// <summary>Called with the lock of <see cref="NetworkState"/>, when the last bridge is closed.</summary>
    public void Dispose()
    {
        Rules.Dispose();
        bool last = !_processes.IsTakenElsewhere(Users);
        if (last)
        {
            Forwarding.Restore(Namespace.Target);
        }

        _processes.Dispose();
        if (last)
        {
            DeleteState();
        }

        Namespace.Dispose();
    }

    private void DeleteState()
    {
        try
        {
            File.Delete(_processes.Path);
            Directory.Delete(StateDirectory);
        }
        catch (IOException)
        {
            // A bridge that is kept, or another process's, has a file there.
        }
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"network namespace {Namespace.Inode}, slot {_slot}");
}
