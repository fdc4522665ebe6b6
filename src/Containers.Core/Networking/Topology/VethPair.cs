using Containers.Native;
using Containers.Native.Netlink;

namespace Containers;

/// <summary>A cable: two links, and what is sent by one comes in by the other. Its ends may be in two namespaces. It goes when it is disposed, or one of its ends or their namespaces goes.</summary>
public sealed class VethPair : IDisposable
{
    private VethPair(NetworkLink a, NetworkLink b)
    {
        A = a;
        B = b;
    }

    /// <summary>The first end.</summary>
    public NetworkLink A { get; }

    /// <summary>The second end.</summary>
    public NetworkLink B { get; }

    /// <summary>Makes both ends at once, each in its place.</summary>
    /// <param name="a">Where the first end is.</param>
    /// <param name="nameA">What it is called there, 1 to 15 bytes.</param>
    /// <param name="b">Where the second end is; it may be the same.</param>
    /// <param name="nameB">What it is called there, 1 to 15 bytes.</param>
    /// <param name="options">What they have; null for links that are up.</param>
    /// <exception cref="NetlinkException">EEXIST: a name is taken; EOPNOTSUPP: the kernel has no veth.</exception>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public static VethPair Create(NetworkNamespace a, string nameA, NetworkNamespace b, string nameB, VethOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        options ??= new VethOptions();
        a.Route.Transact(messages => messages.AddVeth(nameA, nameB, a.Inode == b.Inode ? null : b.Handle, new VethSettings
        {
            MacAddress = options.MacAddressA,
            PeerMacAddress = options.MacAddressB,
            Mtu = NetworkLink.CheckMtu(options.Mtu),
            Up = options.Up,
        }));
        NetworkLink first = a.Link(nameA);
        try
        {
            VethPair pair = new(first, b.Link(nameB));
            if (options.Up)
            {
                pair.B.SetUp();
                pair.A.Settle();
            }

            return pair;
        }
        catch
        {
            first.Delete();
            throw;
        }
    }

    /// <summary>Takes both ends away. That one is gone already is no error. The namespaces are disposed after it, not before.</summary>
    public void Dispose()
    {
        if (!TryDelete(A))
        {
            TryDelete(B);
        }
    }

    private static bool TryDelete(NetworkLink end)
    {
        try
        {
            end.Delete();
            return true;
        }
        catch (Exception exception) when (exception is ObjectDisposedException or NetlinkException { Errno: Errno.ENODEV })
        {
            return false;
        }
    }
}
