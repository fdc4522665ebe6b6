using System.Buffers;
using System.Runtime.InteropServices;

namespace Containers.Native.Netlink;

/// <summary>What is spoken over a netlink socket: linux/netlink.h.</summary>
internal enum NetlinkProtocol
{
    /// <summary>Links, addresses, routes, queueing: rtnetlink(7).</summary>
    Route = 0,

    /// <summary>nf_tables and connection tracking.</summary>
    Netfilter = 12,
}

/// <summary>
/// A socket to the kernel's network. It belongs to the network namespace that it was opened in, whichever thread uses it.
/// Requests are answered one after the other; any thread may ask.
/// </summary>
internal sealed unsafe class NetlinkSocket : DescriptorHandle
{
    private const int NETLINK_CAP_ACK = 10, NETLINK_EXT_ACK = 11, NETLINK_GET_STRICT_CHK = 12;
    private const ushort NLMSG_NOOP = 1, NLMSG_ERROR = 2, NLMSG_DONE = 3;
    private const ushort NLM_F_DUMP_INTR = 0x10, NLM_F_CAPPED = 0x100, NLM_F_ACK_TLVS = 0x200;
    private const ushort NLMSGERR_ATTR_MSG = 1;
    private const int HeaderSize = 16, ReceiveSize = 64 * 1024, Tries = 10;

    private readonly Lock _one = new();
    private uint _sequence;

    private readonly NetlinkProtocol _protocol;

    private NetlinkSocket(int descriptor, NetlinkProtocol protocol)
        : base(descriptor) => _protocol = protocol;

    /// <summary>What is called with each message of an answer.</summary>
    /// <param name="type">RTM_NEW…, or the subsystem and NFT_MSG_….</param>
    /// <param name="payload">The family's own header, and the attributes behind it.</param>
    public delegate void Receiver(ushort type, ReadOnlySpan<byte> payload);

    /// <summary>Opens a socket in a network namespace.</summary>
    /// <param name="protocol">What is spoken.</param>
    /// <param name="networkNamespace">The namespace; null for the calling thread's.</param>
    /// <exception cref="KernelException">EPROTONOSUPPORT: the kernel has no such family.</exception>
    public static NetlinkSocket Open(NetlinkProtocol protocol, NamespaceHandle? networkNamespace = null)
    {
        if (networkNamespace is not null)
        {
            return NamespaceThread.Run(networkNamespace, () => Open(protocol));
        }

        int descriptor = Kernel.socket(Kernel.AF_NETLINK, Kernel.SOCK_RAW, (int)protocol);
        NetlinkSocket socket = new((int)Kernel.Check(descriptor, "open netlink socket", protocol.ToString()), protocol);
        Kernel.setsockopt(descriptor, Kernel.SOL_NETLINK, NETLINK_EXT_ACK, 1); // sentences in errors, 4.12
        Kernel.setsockopt(descriptor, Kernel.SOL_NETLINK, NETLINK_CAP_ACK, 1); // which need not repeat what was asked
        if (protocol == NetlinkProtocol.Route)
        {
            Kernel.setsockopt(descriptor, Kernel.SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1); // dumps filtered by the kernel, 4.20
        }

        return socket;
    }

    /// <summary>
    /// Sends all messages at once, and reads the answers up to the last acknowledgement. Those with NLM_F_ACK are
    /// acknowledged; without it only an error is heard of.
    /// </summary>
    /// <param name="messages">What is asked. The last one must have NLM_F_ACK; of a batch of nfnetlink, the last before its end.</param>
    /// <param name="receive">Sees what else is answered, such as the link that was asked for.</param>
    /// <exception cref="NetlinkException">The first message that failed. To rtnetlink each stands for itself: those behind it may have been carried out.</exception>
    public void Transact(NetlinkMessages messages, Receiver? receive = null)
    {
        if (TryTransact(messages, receive) is { } failure)
        {
            throw failure;
        }
    }

    /// <inheritdoc cref="Transact"/>
    /// <returns>The first failure; null when there was none.</returns>
    public NetlinkException? TryTransact(NetlinkMessages messages, Receiver? receive = null)
    {
        lock (_one)
        {
            using Use use = Borrow();
            uint first = Send(use.Descriptor, messages);
            bool batch = _protocol == NetlinkProtocol.Netfilter && messages.Type(0) == NfTables.NFNL_MSG_BATCH_BEGIN; // rtnetlink has that number for a link
            uint last = first + (uint)messages.Count - 1;
            uint end = batch ? last - 1 : last; // that a batch ended is acknowledged since Linux 6.10 only
            NetlinkException? failure = null;
            Receive(use.Descriptor, (type, flags, sequence, payload) =>
            {
                if (sequence - first > last - first)
                {
                    return true; // an answer to what was given up before
                }

                if (type != NLMSG_ERROR)
                {
                    receive?.Invoke(type, payload);
                    return true;
                }

                NetlinkException? error = Error(messages, (int)(sequence - first), flags, payload);
                failure ??= error;

                // A batch as a whole is refused (no privilege, no such subsystem, no memory, a commit that failed) by an error
                // that stands at its beginning; the messages in it may then have no answer at all.
                return sequence != end && !(batch && sequence == first && error is not null);
            });
            return failure;
        }
    }

    /// <summary>Asks for a list. It is asked for again when it changed while it was read, so a receiver has to begin anew with <paramref name="restart"/>.</summary>
    /// <param name="messages">One message; NLM_F_DUMP is among its flags.</param>
    /// <param name="receive">Sees each item.</param>
    /// <param name="restart">Forgets what was received.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void Dump(NetlinkMessages messages, Receiver receive, Action restart)
    {
        lock (_one)
        {
            using Use use = Borrow();
            for (int i = 0; ; i++)
            {
                bool interrupted = false;
                NetlinkException? failure = null;
                uint first = Send(use.Descriptor, messages);
                Receive(use.Descriptor, (type, flags, sequence, payload) =>
                {
                    if (sequence != first)
                    {
                        return true;
                    }

                    interrupted |= (flags & NLM_F_DUMP_INTR) != 0;
                    if (type is NLMSG_ERROR or NLMSG_DONE)
                    {
                        failure = payload.Length >= 4 ? Error(messages, 0, flags, payload, done: type == NLMSG_DONE) : null;
                        return false;
                    }

                    receive(type, payload);
                    return true;
                });
                if (failure is not null && failure.Errno != Errno.EINTR)
                {
                    throw failure;
                }

                if ((failure is null && !interrupted) || i == Tries)
                {
                    return; // a list that never stands still is as good as it will get
                }

                restart();
            }
        }
    }

    private uint Send(int descriptor, NetlinkMessages messages)
    {
        uint first = _sequence + 1;
        for (int i = 0; i < messages.Count; i++)
        {
            messages.SetSequence(i, ++_sequence);
        }

        fixed (byte* bytes = messages.Bytes)
        {
            long sent = Kernel.send(descriptor, bytes, messages.Bytes.Length);
            if (sent == -(long)Errno.EMSGSIZE || sent == -(long)Errno.ENOBUFS)
            {
                // More than the socket's buffer: let it have as much as this needs. With CAP_NET_ADMIN the sysctl's limit does not count.
                Kernel.setsockopt(descriptor, Kernel.SOL_SOCKET, Kernel.SO_SNDBUFFORCE, messages.Bytes.Length * 2);
                sent = Kernel.send(descriptor, bytes, messages.Bytes.Length);
            }

            if (sent < 0)
            {
                (string operation, string? operand) = messages.Label(0);
                throw new NetlinkException(operation, operand, (Errno)(-sent));
            }
        }

        return first;
    }

    private delegate bool Handler(ushort type, ushort flags, uint sequence, ReadOnlySpan<byte> payload);

    private static void Receive(int descriptor, Handler handler)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ReceiveSize);
        try
        {
            for (bool more = true; more;)
            {
                long length;
                fixed (byte* bytes = buffer)
                {
                    length = Kernel.recv(descriptor, bytes, buffer.Length, Kernel.MSG_TRUNC);
                }

                Kernel.Check(length, "receive from netlink");
                if (length > buffer.Length)
                {
                    throw new InvalidDataException($"A netlink answer of {length} bytes is longer than any the kernel should give.");
                }

                ReadOnlySpan<byte> rest = buffer.AsSpan(0, (int)length);
                while (more && rest.Length >= HeaderSize)
                {
                    int size = MemoryMarshal.Read<int>(rest);
                    if (size < HeaderSize || size > rest.Length)
                    {
                        throw new InvalidDataException($"A netlink message says it has {size} bytes, where {rest.Length} are left.");
                    }

                    ushort type = MemoryMarshal.Read<ushort>(rest[4..]);
                    if (type != NLMSG_NOOP)
                    {
                        more = handler(type, MemoryMarshal.Read<ushort>(rest[6..]), MemoryMarshal.Read<uint>(rest[8..]), rest[HeaderSize..size]);
                    }

                    rest = rest[Math.Min((size + 3) & ~3, rest.Length)..];
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // int error; the header that was asked with (and the rest of it, unless capped); attributes. A dump's end has the number only.
    private static NetlinkException? Error(NetlinkMessages messages, int index, ushort flags, ReadOnlySpan<byte> payload, bool done = false)
    {
        int error = MemoryMarshal.Read<int>(payload);
        if (error >= 0)
        {
            return null;
        }

        string? sentence = null;
        if ((flags & NLM_F_ACK_TLVS) != 0)
        {
            int asked = done ? 0 : (flags & NLM_F_CAPPED) != 0 ? HeaderSize : (MemoryMarshal.Read<int>(payload[4..]) + 3) & ~3;
            ReadOnlySpan<byte> text = NetlinkAttributes.Find(payload[(4 + asked)..], NLMSGERR_ATTR_MSG);
            sentence = text.IsEmpty ? null : new NetlinkAttribute(NLMSGERR_ATTR_MSG, text).Text;
        }

        (string operation, string? operand) = messages.Label(index);
        return new NetlinkException(operation, operand, (Errno)(-error), sentence, messages.Hint(index, (Errno)(-error)) ?? Hint((Errno)(-error)));
    }

    private static string? Hint(Errno errno) => errno switch
    {
        Errno.EPERM => "Changing the network needs CAP_NET_ADMIN in its namespace: run as root.",
        Errno.EOPNOTSUPP => "This kernel lacks the feature, or the module that has it.",
        _ => null,
    };
}
