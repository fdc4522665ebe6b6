using Containers.Native;
using Containers.Native.Netlink;

namespace Containers;

public sealed partial class NetworkLink
{
    // Numbers of queueing disciplines that are ours: the kernel's own choices are 8001 and up, and tc's users like small ones.
    private const uint FirstHandle = 0x6000, Handles = 0x1000;

    private static uint s_handle = (uint)Random.Shared.Next((int)Handles);

    /// <summary>Makes what leaves by it slow, late or lossy, until the result is disposed. The latest conditions are the ones that count: they replace those before.</summary>
    /// <param name="conditions">How bad it is.</param>
    /// <returns>
    /// Disposing it gives the link back the queueing that it began with. If other conditions replaced these meanwhile, or the link
    /// is gone or was moved, it does nothing.
    /// </returns>
    /// <exception cref="NetlinkException">ENOENT: the kernel has no sch_netem, or no sch_tbf for a rate alone.</exception>
    /// <exception cref="ContainerException">A value is out of its range, or someone else set up queueing on the link: it would be lost.</exception>
    public IDisposable Impair(LinkConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        conditions.Check();
        Place place = _place;
        uint before = place.Namespace.Route.GetQueueing(place.Index).FirstOrDefault(queueing => queueing.IsRoot) switch
        {
            null or { Handle: 0 } => 0, // the kernel's default for links of the kind
            { Handle: var handle } when IsOurs(handle) => handle,
            { Kind: var kind } => throw new ContainerException($"The link {place.Name} has queueing by {kind} that someone set up: conditions would take its place.", $"\"tc qdisc delete dev {place.Name} root\" removes it."),
        };
        uint next = NextHandle(before);
        place.Namespace.Route.Transact(messages => Write(messages, place.Index, conditions, Info().Mtu, next));
        return new Impairment(place.Namespace, place.Index, next);
    }

    private static void Write(NetlinkMessages messages, int link, LinkConditions conditions, int mtu, uint handle)
    {
        ulong rate = conditions.RateBytesPerSecond;
        if (!conditions.NeedsNetem)
        {
            // 10 ms of the rate may leave at once, and 50 ms of it wait, or a few packets where that is more.
            ulong packet = (ulong)mtu + 18; // with the header of the frame, and a tag
            ulong burst = Math.Max(rate / 100, 2 * packet);
            messages.SetTokenBucket(link, rate, Narrow(burst), Narrow(burst + Math.Max(rate / 20, 8 * packet)), handle);
            return;
        }

        // All that is under way has to fit: a gigabit's worth of full packets where there is no rate.
        double bytes = (conditions.Delay + conditions.Jitter).TotalSeconds * (rate == 0 ? 125e6 : rate);
        messages.SetNetem(link, new NetemSettings
        {
            Delay = conditions.Delay,
            Jitter = conditions.Jitter,
            Loss = conditions.Loss / 100,
            Duplicate = conditions.Duplicate / 100,
            Reorder = conditions.Reorder / 100,
            Corrupt = conditions.Corrupt / 100,
            Rate = rate,
            Limit = (uint)Math.Clamp(bytes / 500, 1000, 1_000_000),
        }, handle);
    }

    private static uint Narrow(ulong value) => (uint)Math.Min(value, uint.MaxValue);

    private static bool IsOurs(uint handle) => handle >> 16 is >= FirstHandle and < FirstHandle + Handles;

    // Another than the one that is there, so that the kernel replaces it rather than changes it, and who set that up finds out.
    private static uint NextHandle(uint before)
    {
        uint next;
        do
        {
            next = (FirstHandle + (Interlocked.Increment(ref s_handle) % Handles)) << 16;
        }
        while (next == before);
        return next;
    }

    private sealed class Impairment(NetworkNamespace networkNamespace, int link, uint handle) : IDisposable
    {
        private int _reverted;

        // The kernel compares the number: EINVAL when there is another, ENOENT when there is none of anyone's.
        public void Dispose()
        {
            if (Interlocked.Exchange(ref _reverted, 1) != 0)
            {
                return;
            }

            NetlinkMessages messages = new(128);
            messages.DeleteRootQueueing(link, handle);
            try
            {
                if (networkNamespace.Route.TryTransact(messages) is { Errno: not (Errno.EINVAL or Errno.ENOENT or Errno.ENODEV) } failure)
                {
                    throw failure;
                }
            }
            catch (ObjectDisposedException)
            {
                // the namespace was let go of: whoever has it now has the link as it is
            }
        }
    }
}
