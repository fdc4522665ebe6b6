using static Containers.Native.Netlink.NfTables;

namespace Containers.Native.Netlink;

/// <summary>The expressions that the kernel's rules are made of: each loads a register, compares one, or acts.</summary>
internal readonly struct NfExpressions(NetlinkMessages messages)
{
    /// <summary>Loads what is known beside the packet: a link's name, the protocol.</summary>
    public void Meta(uint key, uint register)
    {
        using Expression expression = new(messages, "meta");
        messages.U32BigEndian(NFTA_META_KEY, key);
        messages.U32BigEndian(NFTA_META_DREG, register);
    }

    /// <summary>Loads bytes of a header.</summary>
    public void Payload(uint header, uint offset, uint length, uint register)
    {
        using Expression expression = new(messages, "payload");
        messages.U32BigEndian(NFTA_PAYLOAD_DREG, register);
        messages.U32BigEndian(NFTA_PAYLOAD_BASE, header);
        messages.U32BigEndian(NFTA_PAYLOAD_OFFSET, offset);
        messages.U32BigEndian(NFTA_PAYLOAD_LEN, length);
    }

    /// <summary>Loads what is known of the connection.</summary>
    public void Ct(uint key, uint register)
    {
        using Expression expression = new(messages, "ct");
        messages.U32BigEndian(NFTA_CT_KEY, key);
        messages.U32BigEndian(NFTA_CT_DREG, register);
    }

    /// <summary>Loads the kind of route that an address has: RTN_….</summary>
    public void FibAddressType(uint flags, uint register)
    {
        using Expression expression = new(messages, "fib");
        messages.U32BigEndian(NFTA_FIB_FLAGS, flags);
        messages.U32BigEndian(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        messages.U32BigEndian(NFTA_FIB_DREG, register);
    }

    /// <summary>Leaves the rule unless the register is (or is not) this.</summary>
    public void Cmp(uint register, ReadOnlySpan<byte> value, bool not = false)
    {
        using Expression expression = new(messages, "cmp");
        messages.U32BigEndian(NFTA_CMP_SREG, register);
        messages.U32BigEndian(NFTA_CMP_OP, not ? NFT_CMP_NEQ : NFT_CMP_EQ);
        Value(NFTA_CMP_DATA, value);
    }

    /// <summary>Keeps the bits of a register that the mask has.</summary>
    public void And(uint register, ReadOnlySpan<byte> mask)
    {
        using Expression expression = new(messages, "bitwise");
        messages.U32BigEndian(NFTA_BITWISE_SREG, register);
        messages.U32BigEndian(NFTA_BITWISE_DREG, register);
        messages.U32BigEndian(NFTA_BITWISE_LEN, (uint)mask.Length);
        Value(NFTA_BITWISE_MASK, mask);
        Span<byte> xor = stackalloc byte[mask.Length];
        xor.Clear();
        Value(NFTA_BITWISE_XOR, xor);
    }

    /// <summary>Leaves the rule unless the set has (or has not) what begins at the register; a map's value is put at the destination.</summary>
    public void Lookup(string set, uint register, uint? destination = null, bool not = false, uint id = 0)
    {
        using Expression expression = new(messages, "lookup");
        messages.U32BigEndian(NFTA_LOOKUP_SREG, register);
        if (destination is { } to)
        {
            messages.U32BigEndian(NFTA_LOOKUP_DREG, to);
        }

        messages.Text(NFTA_LOOKUP_SET, set);
        if (id != 0)
        {
            messages.U32BigEndian(NFTA_LOOKUP_SET_ID, id);
        }

        if (not)
        {
            messages.U32BigEndian(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
        }
    }

    public void Immediate(int verdict)
    {
        using Expression expression = new(messages, "immediate");
        messages.U32BigEndian(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        using (messages.Nest(NFTA_IMMEDIATE_DATA))
        {
            using (messages.Nest(NFTA_DATA_VERDICT))
            {
                messages.U32BigEndian(NFTA_VERDICT_CODE, (uint)verdict);
            }
        }
    }

    /// <summary>Translates the destination to the address and port that the registers have.</summary>
    public void Dnat(byte family, uint address, uint port)
    {
        using Expression expression = new(messages, "nat");
        messages.U32BigEndian(NFTA_NAT_TYPE, NFT_NAT_DNAT);
        messages.U32BigEndian(NFTA_NAT_FAMILY, family);
        messages.U32BigEndian(NFTA_NAT_REG_ADDR_MIN, address);
        messages.U32BigEndian(NFTA_NAT_REG_PROTO_MIN, port);
    }

    public void Masq()
    {
        using Expression expression = new(messages, "masq");
    }

    public void Counter()
    {
        using Expression expression = new(messages, "counter");
    }

    private void Value(ushort type, ReadOnlySpan<byte> value)
    {
        using (messages.Nest(type))
        {
            messages.Attribute(NFTA_DATA_VALUE, value);
        }
    }

    private readonly ref struct Expression
    {
        private readonly NetlinkMessages.Nesting _element, _data;

        public Expression(NetlinkMessages messages, string name)
        {
            _element = messages.Nest(NFTA_LIST_ELEM);
            messages.Text(NFTA_EXPR_NAME, name);
            _data = messages.Nest(NFTA_EXPR_DATA);
        }

        public void Dispose()
        {
            _data.Dispose();
            _element.Dispose();
        }
    }
}
