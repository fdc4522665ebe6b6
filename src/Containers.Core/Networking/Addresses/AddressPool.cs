using System.Globalization;
using System.Net;
using System.Numerics;

namespace Containers.Networking;

/// <summary>The addresses of one subnet: who takes one has it for as long as his process lives and does not give it back.</summary>
/// <param name="subnet">The subnet.</param>
/// <param name="gateway">The bridge's own address, which is nobody's.</param>
/// <param name="leases">The file of leases.</param>
/// <param name="firstLease">The number of the lease that stands for the subnet's own address.</param>
internal sealed class AddressPool(IPNetwork subnet, IPAddress gateway, LockFile leases, long firstLease)
{
    // The host parts of longer subnets are folded into so many bits: two addresses may share a lease then, which costs one
    // of them and harms nothing.
    private const int LeaseBits = 48;

    private readonly BigInteger _last = Cidr.LastHost(subnet);
    private long _next = 1;

    public IPNetwork Subnet => subnet;

    public IPAddress Gateway => gateway;

    /// <summary>Takes a free address. Each is tried once before one is given out again, so that nobody's late packets find a newcomer.</summary>
    /// <exception cref="NetworkException">All are taken.</exception>
    public IPAddress Take()
    {
        lock (this)
        {
            long count = (long)BigInteger.Min(_last, int.MaxValue);
            for (long i = 0; i < count; i++)
            {
                long number = _next;
                _next = _next % count + 1;
                IPAddress address = Cidr.At(subnet, number);
                if (!address.Equals(gateway) && leases.TryTake(Lease(address)))
                {
                    return address;
                }
            }
        }

        throw new NetworkException($"All addresses of the subnet {subnet} are taken.", "Dispose containers that are not needed, or use a network with a shorter prefix.");
    }

    /// <summary>Takes one address.</summary>
    /// <exception cref="NetworkException">It is not in the subnet, or taken.</exception>
    public void Take(IPAddress address)
    {
        Check(address);
        if (!leases.TryTake(Lease(address)))
        {
            throw new NetworkException($"The address {address} is taken by another container.");
        }
    }

    /// <summary>Whether a process that is not this one has the address.</summary>
    public bool IsTakenElsewhere(IPAddress address) => leases.IsTakenElsewhere(Lease(address));

    public void Release(IPAddress address) => leases.Release(Lease(address));

    private void Check(IPAddress address)
    {
        if (address.AddressFamily != subnet.BaseAddress.AddressFamily || !subnet.Contains(address))
        {
            throw new NetworkException($"The address {address} is outside of the subnet {subnet}.");
        }

        BigInteger number = Cidr.NumberOf(subnet, address);
        if (address.Equals(gateway))
        {
            throw new NetworkException($"The address {address} is the bridge's own.");
        }

        if (number < 1 || number > _last)
        {
            throw new NetworkException(string.Create(CultureInfo.InvariantCulture, $"The address {address} is the subnet's own or its broadcast address: hosts of {subnet} have {Cidr.At(subnet, 1)} to {Cidr.At(subnet, _last)}."));
        }
    }

    /// <summary>The number of the lease of an address.</summary>
    public static long LeaseOf(IPNetwork subnet, IPAddress address, long firstLease) => firstLease + (long)(Cidr.NumberOf(subnet, address) & ((BigInteger.One << LeaseBits) - 1));

    private long Lease(IPAddress address) => LeaseOf(subnet, address, firstLease);
}
