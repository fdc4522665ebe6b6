using System.Text.Json;
using Containers.Native;
using Containers.Native.Netlink;
using Xunit;

namespace Containers.Tests.Netlink.Route;

public sealed class QueueingTests : RouteTest
{
    [Fact]
    public void Token_bucket_is_as_tc_tells_it()
    {
        (LinkInfo a, _) = Pair();
        string before = Assert.Single(Socket.GetQueueing(a.Index)).Kind;

        Socket.Transact(messages => messages.SetTokenBucket(a.Index, rate: 1_250_000, burst: 20_000, limit: 82_500, handle: 0x70010000));

        JsonElement theirs = Assert.Single(Json.Tc("qdisc", "show", "dev", "a0"));
        Assert.Equal(("tbf", "7001:", "1250000"), (theirs.Text("kind"), theirs.Text("handle"), theirs.Text("options", "rate")));
        Assert.InRange(theirs.GetProperty("options").GetProperty("burst").GetInt32(), 19_990, 20_000);
        Assert.InRange(theirs.GetProperty("options").GetProperty("lat").GetInt32(), 49_990, 50_010); // (82500 - 20000) bytes at that rate, in µs
        QueueingInfo ours = Assert.Single(Socket.GetQueueing(a.Index));
        Assert.Equal(("tbf", 0x70010000u, true), (ours.Kind, ours.Handle, ours.IsRoot));

        Socket.Transact(messages => messages.SetTokenBucket(a.Index, rate: 10_000_000_000, burst: 1_000_000, limit: 2_000_000)); // 80 Gbit/s: above 32 bits
        Assert.Equal("10000000000", Assert.Single(Json.Tc("qdisc", "show", "dev", "a0")).Text("options", "rate"));

        Assert.NotNull(Socket.TryTransact(Written(messages => messages.DeleteRootQueueing(a.Index, 0x70090000)))); // another's
        Assert.Equal("tbf", Assert.Single(Socket.GetQueueing(a.Index)).Kind);
        Socket.Transact(messages => messages.DeleteRootQueueing(a.Index));
        Assert.Equal(before, Assert.Single(Socket.GetQueueing(a.Index)).Kind);
        Assert.Equal(Errno.ENOENT, Assert.Throws<NetlinkException>(() => Socket.Transact(messages => messages.DeleteRootQueueing(a.Index))).Errno);
    }

    [Fact]
    public void Netem_is_as_tc_tells_it()
    {
        (LinkInfo a, _) = Pair();
        TransactIfKernelHas("sch_netem", messages => messages.SetNetem(a.Index, new NetemSettings
        {
            Delay = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(5), Loss = 0.1, Duplicate = 0.02, Reorder = 0.25, Corrupt = 0.5, Rate = 125_000, Limit = 500,
        }));

        JsonElement options = Assert.Single(Json.Tc("qdisc", "show", "dev", "a0")).GetProperty("options");
        Assert.Equal(500, options.GetProperty("limit").GetInt32());
        Assert.Equal(0.02, options.GetProperty("delay").GetProperty("delay").GetDouble(), 6);
        Assert.Equal(0.005, options.GetProperty("delay").GetProperty("jitter").GetDouble(), 6);
        Assert.Equal(0.1, options.GetProperty("loss-random").GetProperty("loss").GetDouble(), 6);
        Assert.Equal(0.02, options.GetProperty("duplicate").GetProperty("duplicate").GetDouble(), 6);
        Assert.Equal(0.25, options.GetProperty("reorder").GetProperty("reorder").GetDouble(), 6);
        Assert.Equal(0.5, options.GetProperty("corrupt").GetProperty("corrupt").GetDouble(), 6);
        Assert.Equal(125_000, options.GetProperty("rate").GetProperty("rate").GetInt32());
    }
}
