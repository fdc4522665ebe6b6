using Containers.Native;
using Containers.Native.Netlink;

namespace Containers.Networking;

/// <summary>
/// The translation of addresses for the containers of this process: a table of its own in a network namespace, next to those
/// of other processes and of the host, none of which it reads or changes. The kernel removes it when the process dies.
/// </summary>
/// <remarks>Any thread may ask. Every change is made at once or not at all, and connections that exist go on.</remarks>
internal sealed class NatTable : IDisposable
{
    private readonly Lock _one = new();
    private readonly NfTablesSocket _socket;
    private readonly NfTablesBatch _batch;
    private readonly List<NatNetwork> _networks = [];
    private readonly HashSet<PortRule> _ports = [];
    private readonly HashSet<NameRule> _names = [];
    private bool _disposed;

    private NatTable(NfTablesSocket socket, string name)
    {
        _socket = socket;
        _batch = new NfTablesBatch(name);
    }

    /// <summary>The table's name, of the family inet.</summary>
    public string Name => _batch.Table;

    /// <summary>Whether the kernel removes it when this process dies (Linux 5.12); otherwise the next process has to, by its name.</summary>
    public bool IsOwned { get; private set; }

    /// <summary>Makes the table. A left one of this name whose process is dead is replaced.</summary>
    /// <param name="networkNamespace">Where; null for the calling thread's namespace.</param>
    /// <param name="slot">A number that no other live process in that namespace has.</param>
    /// <exception cref="NetworkException">The kernel has no nf_tables, this process may not use it, or a live process has the number.</exception>
    public static NatTable Create(NamespaceHandle? networkNamespace, int slot)
    {
        NfTablesSocket? socket = null;
        try
        {
            socket = NfTablesSocket.Open(networkNamespace);
            NatTable table = new(socket, NatRules.TableName(slot));
            table.Make();
            socket = null;
            return table;
        }
        catch (KernelException e)
        {
            throw new NetworkException($"Addresses of containers cannot be translated: {e.Message}", null, e);
        }
        finally
        {
            socket?.Dispose();
        }
    }

    /// <summary>Removes the tables of processes that died on a kernel that does not do so itself (before Linux 5.12).</summary>
    /// <param name="networkNamespace">Where; null for the calling thread's namespace.</param>
    /// <param name="isAlive">Whether the process with that slot lives.</param>
    public static void DeleteStale(NamespaceHandle? networkNamespace, Func<int, bool> isAlive)
    {
        using NfTablesSocket socket = NfTablesSocket.Open(networkNamespace);
        foreach (string table in socket.Tables())
        {
            if (NatRules.TrySlot(table) is { } slot && !isAlive(slot))
            {
                NfTablesBatch batch = new(table);
                batch.DeleteTable();
                if (socket.TryCommit(batch) is { } failure && failure.Errno is not (Errno.ENOENT or Errno.EPERM)) // the kernel was faster; or is about to
                {
                    throw failure;
                }
            }
        }
    }

    /// <summary>Translates for a network from now on.</summary>
    /// <exception cref="NetworkException">The bridge has been added before.</exception>
    public void AddNetwork(NatNetwork network)
    {
        lock (_one)
        {
            if (_networks.Exists(other => other.Bridge == network.Bridge))
            {
                throw new NetworkException($"Addresses behind the bridge {network.Bridge} are translated by {Name} already.");
            }

            NatRules.AddNetwork(Changes(), network);
            _socket.Commit(_batch);
            _networks.Add(network);
        }
    }

    /// <summary>Does so no longer. A bridge that was not added is no error.</summary>
    public void RemoveNetwork(string bridge)
    {
        lock (_one)
        {
            if (!_disposed && _networks.Find(network => network.Bridge == bridge) is { } network)
            {
                NatRules.RemoveNetwork(Changes(), network, _networks.Where(other => other != network));
                _socket.Commit(_batch);
                _networks.Remove(network);
            }
        }
    }

    /// <inheritdoc cref="Attach"/>
    public void Publish(IReadOnlyList<PortRule> ports) => Attach(ports, []);

    /// <inheritdoc cref="Detach"/>
    public void Unpublish(IReadOnlyList<PortRule> ports) => Detach(ports, []);

    /// <inheritdoc cref="Attach"/>
    public void RedirectNames(NameRule name) => Attach([], [name]);

    /// <inheritdoc cref="Detach"/>
    public void RemoveNames(NameRule name) => Detach([], [name]);

    /// <summary>All that a container needs here, in one message to the kernel.</summary>
    /// <exception cref="NetworkException">A port is taken, by another container of this process or twice in the list; nothing was changed.</exception>
    public void Attach(IReadOnlyList<PortRule> ports, IReadOnlyList<NameRule> names)
    {
        lock (_one)
        {
            NatRules.Attach(Changes(), ports, names);
            if (_socket.TryCommit(_batch) is { } failure)
            {
                throw failure.Errno == Errno.EEXIST
                    ? new NetworkException($"publish {failure.Operand}: this process has published that port already.", "Choose another port of the host, or port 0 for any that is free.", failure)
                    : failure;
            }

            _ports.UnionWith(ports);
            _names.UnionWith(names);
        }
    }

    /// <summary>Takes it back. What was not attached, or went with the table, is no error.</summary>
    public void Detach(IReadOnlyList<PortRule> ports, IReadOnlyList<NameRule> names)
    {
        lock (_one)
        {
            if (_disposed)
            {
                return;
            }

            List<PortRule> knownPorts = [.. ports.Where(_ports.Contains)];
            List<NameRule> knownNames = [.. names.Where(_names.Contains)];
            NatRules.Detach(Changes(), knownPorts, knownNames);
            _socket.Commit(_batch);
            _ports.ExceptWith(knownPorts);
            _names.ExceptWith(knownNames);
        }
    }

    /// <summary>Removes the table.</summary>
    public void Dispose()
    {
        lock (_one)
        {
            if (!_disposed)
            {
                _disposed = true;
                _batch.Clear();
                _batch.DeleteTable();
                _ = _socket.TryCommit(_batch); // gone already, with its namespace or by someone's hand
                _socket.Dispose();
            }
        }
    }

    private void Make()
    {
        IsOwned = true;
        NetlinkException? failure = TryMake();
        if (failure is { Operation: "add table", Errno: Errno.EOPNOTSUPP or Errno.EINVAL })
        {
            IsOwned = false; // a kernel that knows no owners
            failure = TryMake();
        }

        if (failure is { Operation: "add table", Errno: Errno.EEXIST })
        {
            _batch.DeleteTable(); // refused when its owner lives
            failure = _socket.TryCommit(_batch) ?? TryMake();
        }

        if (failure is not null)
        {
            throw failure;
        }
    }

    private NetlinkException? TryMake()
    {
        NatRules.AddTable(_batch, IsOwned);
        return _socket.TryCommit(_batch);
    }

    private NfTablesBatch Changes()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _batch.Clear(); // of one that was not sent, because writing it threw
        return _batch;
    }
}
