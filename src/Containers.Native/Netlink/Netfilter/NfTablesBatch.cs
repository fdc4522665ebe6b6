using System.Globalization;
using System.Runtime.InteropServices;
using static Containers.Native.Netlink.NfTables;

namespace Containers.Native.Netlink;

/// <summary>
/// Changes of nf_tables that the kernel makes all at once or not at all, of one table of the family inet (both IPv4 and
/// IPv6, Linux 5.2+ for NAT). Every change is also kept as the command of nft(8) that asks for the same, where that is wanted.
/// </summary>
internal sealed class NfTablesBatch
{
    /// <summary>What the whole batch does, for an error that is about no message in it.</summary>
    internal const string Operation = "change nf_tables";

    private readonly List<string>? _commands;
    private uint _setId;

    /// <param name="table">The table that is changed.</param>
    /// <param name="commands">Gets the commands of nft; null where nobody reads them.</param>
    public NfTablesBatch(string table, List<string>? commands = null)
    {
        Table = table;
        _commands = commands;
        Clear();
    }

    public string Table { get; }

    public NetlinkMessages Messages { get; } = new(2048);

    /// <summary>How many changes there are.</summary>
    public int Count => Messages.Count - 1;

    public void Clear()
    {
        Messages.Clear();
        Messages.Begin(NFNL_MSG_BATCH_BEGIN, 0, Operation);
        Messages.Header(new nfgenmsg(0, NFNL_SUBSYS_NFTABLES));
        Messages.End();
    }

    /// <summary>The table itself; that it is there already is no error.</summary>
    /// <param name="owned">It is removed by the kernel when the socket that sends this is closed, and no other socket may change it: Linux 5.12.</param>
    /// <param name="exclusive">That it is there already is an error.</param>
    public void AddTable(bool owned = false, bool exclusive = false)
    {
        Begin(NFT_MSG_NEWTABLE, exclusive ? (ushort)(NetlinkMessages.NLM_F_CREATE | NetlinkMessages.NLM_F_EXCL) : NetlinkMessages.NLM_F_CREATE, "add table", null);
        Messages.Text(NFTA_TABLE_NAME, Table);
        Messages.U32BigEndian(NFTA_TABLE_FLAGS, owned ? NFT_TABLE_F_OWNER : 0);
        Messages.End();
        // A command that made an owned table would lose it with its end, so what is shown is one that stays.
        _commands?.Add($"{(exclusive ? "create" : "add")} table inet {Table}");
    }

    /// <summary>The table with all that is in it.</summary>
    public void DeleteTable()
    {
        Begin(NFT_MSG_DELTABLE, 0, "delete table", null);
        Messages.Text(NFTA_TABLE_NAME, Table);
        Messages.End();
        _commands?.Add($"delete table inet {Table}");
    }

    /// <summary>A chain that packets pass.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">"filter", or "nat" for what only the first packet of a connection passes.</param>
    /// <param name="hook">Where.</param>
    /// <param name="priority">Its place among the chains there: linux/netfilter_ipv4.h, enum nf_ip_hook_priorities.</param>
    /// <param name="accept">What becomes of a packet that no rule decided on.</param>
    public void AddChain(string name, string type, NfHook hook, int priority, bool accept = true)
    {
        Begin(NFT_MSG_NEWCHAIN, NetlinkMessages.NLM_F_CREATE, "add chain", name);
        Messages.Text(NFTA_CHAIN_TABLE, Table);
        Messages.Text(NFTA_CHAIN_NAME, name);
        using (Messages.Nest(NFTA_CHAIN_HOOK))
        {
            Messages.U32BigEndian(NFTA_HOOK_HOOKNUM, (uint)hook);
            Messages.U32BigEndian(NFTA_HOOK_PRIORITY, (uint)priority);
        }

        Messages.U32BigEndian(NFTA_CHAIN_POLICY, accept ? NF_ACCEPT : (uint)NF_DROP);
        Messages.Text(NFTA_CHAIN_TYPE, type);
        Messages.End();
        _commands?.Add(string.Create(CultureInfo.InvariantCulture, $"add chain inet {Table} {name} {{ type {type} hook {hook.ToString().ToLowerInvariant()} priority {priority}; policy {(accept ? "accept" : "drop")}; }}"));
    }

    /// <summary>Takes all rules out of a chain.</summary>
    public void FlushChain(string name)
    {
        Begin(NFT_MSG_DELRULE, 0, "flush chain", name);
        Messages.Text(NFTA_RULE_TABLE, Table);
        Messages.Text(NFTA_RULE_CHAIN, name);
        Messages.End();
        _commands?.Add($"flush chain inet {Table} {name}");
    }

    /// <summary>A chain that has no rules.</summary>
    public void DeleteChain(string name)
    {
        Begin(NFT_MSG_DELCHAIN, 0, "delete chain", name);
        Messages.Text(NFTA_CHAIN_TABLE, Table);
        Messages.Text(NFTA_CHAIN_NAME, name);
        Messages.End();
        _commands?.Add($"delete chain inet {Table} {name}");
    }

    /// <summary>A rule, behind those that the chain has: <c>batch.AddRule("forward").Iifname("@isolated").Drop()</c>. A verdict or a translation ends it.</summary>
    public NfRule AddRule(string chain) => new(this, chain);

    /// <summary>Takes a rule out by the number that the kernel gave it.</summary>
    public void DeleteRule(string chain, ulong handle)
    {
        Begin(NFT_MSG_DELRULE, 0, "delete rule", chain);
        Messages.Text(NFTA_RULE_TABLE, Table);
        Messages.Text(NFTA_RULE_CHAIN, chain);
        Messages.U64BigEndian(NFTA_RULE_HANDLE, handle);
        Messages.End();
        _commands?.Add(string.Create(CultureInfo.InvariantCulture, $"delete rule inet {Table} {chain} handle {handle}"));
    }

    public void AddSet(NfSet set)
    {
        WriteSet(set, set.Name, 0);
        _commands?.Add($"add {(set.Data is null ? "set" : "map")} inet {Table} {set.Name} {{ {set.TypeText} }}");
    }

    /// <summary>An element; one with this key that is there already is an error (EEXIST).</summary>
    public void AddElement(NfSet set, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data = default)
        => WriteElement(set, NFT_MSG_NEWSETELEM, NetlinkMessages.NLM_F_CREATE | NetlinkMessages.NLM_F_EXCL, key, data);

    /// <summary>An element that may be there already with the same value.</summary>
    public void EnsureElement(NfSet set, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data = default)
        => WriteElement(set, NFT_MSG_NEWSETELEM, NetlinkMessages.NLM_F_CREATE, key, data);

    /// <summary>Takes an element out; that it is not there is an error (ENOENT).</summary>
    public void DeleteElement(NfSet set, ReadOnlySpan<byte> key) => WriteElement(set, NFT_MSG_DELSETELEM, 0, key, default);

    /// <summary>Takes all elements out of a set.</summary>
    public void FlushSet(NfSet set)
    {
        Begin(NFT_MSG_DELSETELEM, 0, "flush set", set.Name);
        Messages.Text(NFTA_SET_ELEM_LIST_TABLE, Table);
        Messages.Text(NFTA_SET_ELEM_LIST_SET, set.Name);
        Messages.End();
        _commands?.Add($"flush {(set.Data is null ? "set" : "map")} inet {Table} {set.Name}");
    }

    /// <summary>A set without a name of its own that is part of the rule written next: <c>{ tcp, udp }</c>.</summary>
    /// <returns>The number by which the rule in this batch refers to it.</returns>
    internal uint AddAnonymousSet(NfSet set, ReadOnlySpan<byte> keys)
    {
        uint id = WriteSet(set, set.Name, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
        BeginElements(set, NFT_MSG_NEWSETELEM, NetlinkMessages.NLM_F_CREATE, set.Name);
        Messages.U32BigEndian(NFTA_SET_ELEM_LIST_SET_ID, id);
        using (Messages.Nest(NFTA_SET_ELEM_LIST_ELEMENTS))
        {
            for (int length = NfSet.LengthOf(set.Key); !keys.IsEmpty; keys = keys[length..])
            {
                WriteKeyAndData(keys[..length], default);
            }
        }

        Messages.End();
        return id;
    }

    internal void BeginRule(string chain)
    {
        Begin(NFT_MSG_NEWRULE, NetlinkMessages.NLM_F_CREATE | NetlinkMessages.NLM_F_APPEND, "add rule to chain", chain);
        Messages.Text(NFTA_RULE_TABLE, Table);
        Messages.Text(NFTA_RULE_CHAIN, chain);
    }

    internal void EndRule(string chain, string text)
    {
        Messages.End();
        _commands?.Add($"add rule inet {Table} {chain} {text}");
    }

    /// <summary>Puts the end behind it, and asks for the acknowledgement that says all was done.</summary>
    internal void Complete()
    {
        // The end itself is acknowledged since Linux 6.10 only, so ask at the last change.
        Messages.AddFlags(Messages.Count - 1, NetlinkMessages.NLM_F_ACK);
        Messages.Begin(NFNL_MSG_BATCH_END, 0, Operation);
        Messages.Header(new nfgenmsg(0, NFNL_SUBSYS_NFTABLES));
        Messages.End();
    }

    /// <summary>The type of a message of nf_tables.</summary>
    internal static ushort MessageType(ushort message) => (ushort)((NFNL_SUBSYS_NFTABLES << 8) | message);

    private uint WriteSet(NfSet set, string name, uint flags)
    {
        Begin(NFT_MSG_NEWSET, NetlinkMessages.NLM_F_CREATE, "add set", name);
        Messages.Text(NFTA_SET_TABLE, Table);
        Messages.Text(NFTA_SET_NAME, name);
        Messages.U32BigEndian(NFTA_SET_FLAGS, flags | (set.Data is null ? 0 : NFT_SET_MAP));
        Messages.U32BigEndian(NFTA_SET_KEY_TYPE, NfSet.TypeOf(set.Key));
        Messages.U32BigEndian(NFTA_SET_KEY_LEN, (uint)NfSet.LengthOf(set.Key));
        if (set.Data is not null)
        {
            Messages.U32BigEndian(NFTA_SET_DATA_TYPE, NfSet.TypeOf(set.Data));
            Messages.U32BigEndian(NFTA_SET_DATA_LEN, (uint)NfSet.LengthOf(set.Data));
        }

        Messages.U32BigEndian(NFTA_SET_ID, ++_setId);
        if (set.Key.Count == 1)
        {
            // For nft: which byte order a key has that it writes as one number, or as a text. A type, a length, the value.
            Messages.Attribute(NFTA_SET_USERDATA, [NFTNL_UDATA_SET_KEYBYTEORDER, 4, .. BitConverter.GetBytes(set.Key[0].ByteOrder)]);
        }

        Messages.End();
        return _setId;
    }

    private void WriteElement(NfSet set, ushort message, int flags, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data)
    {
        BeginElements(set, message, (ushort)flags, set.KeyText(key));
        using (Messages.Nest(NFTA_SET_ELEM_LIST_ELEMENTS))
        {
            WriteKeyAndData(key, data);
        }

        Messages.End();
        if (_commands is not null)
        {
            bool delete = message == NFT_MSG_DELSETELEM;
            string verb = delete ? "delete" : (flags & NetlinkMessages.NLM_F_EXCL) != 0 ? "create" : "add";
            _commands.Add($"{verb} element inet {Table} {set.Name} {{ {(delete ? set.KeyText(key) : set.Text(key, data))} }}");
        }
    }

    private void BeginElements(NfSet set, ushort message, ushort flags, string operand)
    {
        Begin(message, flags, message == NFT_MSG_NEWSETELEM ? "add element" : "delete element", operand);
        Messages.Text(NFTA_SET_ELEM_LIST_TABLE, Table);
        Messages.Text(NFTA_SET_ELEM_LIST_SET, set.Name);
    }

    private void WriteKeyAndData(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data)
    {
        using (Messages.Nest(NFTA_LIST_ELEM))
        {
            using (Messages.Nest(NFTA_SET_ELEM_KEY))
            {
                Messages.Attribute(NFTA_DATA_VALUE, key);
            }

            if (!data.IsEmpty)
            {
                using (Messages.Nest(NFTA_SET_ELEM_DATA))
                {
                    Messages.Attribute(NFTA_DATA_VALUE, data);
                }
            }
        }
    }

    private void Begin(ushort message, ushort flags, string operation, string? operand)
    {
        Messages.Begin(MessageType(message), flags, operation, operand ?? Table);
        Messages.Header(new nfgenmsg(NFPROTO_INET, 0));
    }
}

/// <summary>linux/netfilter/nfnetlink.h: what each message of netfilter begins with.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct nfgenmsg(byte family, ushort resource)
{
    public readonly byte nfgen_family = family;
    public readonly byte version = 0; // NFNETLINK_V0
    public readonly ushort res_id = BitConverter.IsLittleEndian ? System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(resource) : resource;
}
