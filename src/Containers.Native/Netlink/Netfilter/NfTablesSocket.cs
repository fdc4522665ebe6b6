using static Containers.Native.Netlink.NfTables;

namespace Containers.Native.Netlink;

/// <summary>
/// What changes and lists nf_tables in one network namespace. A table that was made as owned belongs to this socket, and goes
/// when it is closed: also when the process is killed.
/// </summary>
internal sealed class NfTablesSocket : IDisposable
{
    private const string Missing = "This kernel has no nf_tables: it needs CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET (try \"modprobe nf_tables\").";

    private readonly NetlinkSocket _socket;

    private NfTablesSocket(NetlinkSocket socket) => _socket = socket;

    /// <param name="networkNamespace">Where; null for the calling thread's namespace.</param>
    /// <exception cref="NetlinkException">The kernel has no netfilter.</exception>
    public static NfTablesSocket Open(NamespaceHandle? networkNamespace = null)
    {
        try
        {
            return new NfTablesSocket(NetlinkSocket.Open(NetlinkProtocol.Netfilter, networkNamespace));
        }
        catch (KernelException e) when (e.Errno == Errno.EPROTONOSUPPORT)
        {
            throw new NetlinkException(e.Operation, e.Operand, e.Errno, null, Missing);
        }
    }

    /// <summary>Makes all changes of a batch, or none. The batch is empty again afterwards.</summary>
    /// <exception cref="NetlinkException">The first change that was refused.</exception>
    public void Commit(NfTablesBatch batch)
    {
        if (TryCommit(batch) is { } failure)
        {
            throw failure;
        }
    }

    /// <inheritdoc cref="Commit"/>
    /// <returns>Why nothing was changed; null when all was.</returns>
    public NetlinkException? TryCommit(NfTablesBatch batch)
    {
        try
        {
            if (batch.Count == 0)
            {
                return null;
            }

            batch.Complete();
            return _socket.TryTransact(batch.Messages) is { } failure ? Explained(failure) : null;
        }
        finally
        {
            batch.Clear();
        }
    }

    /// <summary>The names of the tables of the family inet.</summary>
    public IReadOnlyList<string> Tables()
    {
        List<string> names = [];
        Dump(NFT_MSG_GETTABLE, "list tables", null, _ => { }, attributes => names.Add(new NetlinkAttribute(NFTA_TABLE_NAME, NetlinkAttributes.Find(attributes, NFTA_TABLE_NAME)).Text), names.Clear);
        return names;
    }

    /// <summary>The numbers of the rules in a chain, in their order.</summary>
    public IReadOnlyList<ulong> Rules(string table, string chain)
    {
        List<ulong> handles = [];
        Dump(NFT_MSG_GETRULE, "list rules of chain", chain, messages =>
        {
            messages.Text(NFTA_RULE_TABLE, table);
            messages.Text(NFTA_RULE_CHAIN, chain);
        }, attributes => handles.Add(new NetlinkAttribute(NFTA_RULE_HANDLE, NetlinkAttributes.Find(attributes, NFTA_RULE_HANDLE)).U64BigEndian), handles.Clear);
        return handles;
    }

    /// <summary>The elements of a set, as bytes; without data where it is no map.</summary>
    /// <exception cref="NetlinkException">ENOENT: no such table or set.</exception>
    public IReadOnlyList<(byte[] Key, byte[] Data)> Elements(string table, string set)
    {
        List<(byte[], byte[])> elements = [];
        Dump(NFT_MSG_GETSETELEM, "list elements of set", set, messages =>
        {
            messages.Text(NFTA_SET_ELEM_LIST_TABLE, table);
            messages.Text(NFTA_SET_ELEM_LIST_SET, set);
        }, attributes =>
        {
            foreach (NetlinkAttribute element in new NetlinkAttributes(NetlinkAttributes.Find(attributes, NFTA_SET_ELEM_LIST_ELEMENTS)))
            {
                elements.Add((
                    NetlinkAttributes.Find(NetlinkAttributes.Find(element.Value, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE).ToArray(),
                    NetlinkAttributes.Find(NetlinkAttributes.Find(element.Value, NFTA_SET_ELEM_DATA), NFTA_DATA_VALUE).ToArray()));
            }
        }, elements.Clear);
        return elements;
    }

    /// <summary>Closes the socket; its owned tables go.</summary>
    public void Dispose() => _socket.Dispose();

    private void Dump(ushort message, string operation, string? operand, Action<NetlinkMessages> ask, Action<ReadOnlySpan<byte>> receive, Action restart)
    {
        NetlinkMessages messages = new(256);
        messages.Begin(NfTablesBatch.MessageType(message), NetlinkMessages.NLM_F_DUMP, operation, operand);
        messages.Header(new nfgenmsg(NFPROTO_INET, 0));
        ask(messages);
        messages.End();
        try
        {
            _socket.Dump(messages, (_, payload) => receive(payload[4..]), restart);
        }
        catch (NetlinkException e) when (e.Errno is Errno.EOPNOTSUPP or Errno.EINVAL)
        {
            throw new NetlinkException(operation, operand, e.Errno, e.KernelMessage, Missing);
        }
    }

    private static NetlinkException Explained(NetlinkException e)
    {
        bool whole = e.Operation == NfTablesBatch.Operation;
        string? hint = e.Errno switch
        {
            Errno.EOPNOTSUPP or Errno.EINVAL when whole => Missing,
            Errno.EPERM when !whole => "The table belongs to another socket: a live process made it as its own.",
            Errno.ENOENT or Errno.EOPNOTSUPP when e.Operation is "add chain" => "This kernel may lack NAT for nf_tables (CONFIG_NFT_NAT, CONFIG_NF_TABLES_INET), or the table is gone.",
            Errno.ENOENT or Errno.EOPNOTSUPP when e.Operation is "add rule to chain" => "This kernel may lack an expression of nf_tables (CONFIG_NFT_CT, CONFIG_NFT_NAT, CONFIG_NFT_MASQ, CONFIG_NFT_FIB_INET).",
            _ => null,
        };
        return hint is null ? e : new NetlinkException(e.Operation, e.Operand, e.Errno, e.KernelMessage, hint);
    }
}
