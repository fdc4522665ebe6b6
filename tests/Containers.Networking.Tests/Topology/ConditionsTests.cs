using System.Diagnostics;
using System.Text.Json;
using Containers.Tests.Netlink.Route;
using Xunit;

namespace Containers.Tests.Topology;

public sealed class ConditionsTests : Lab
{
    private readonly NetworkNamespace _a, _b;
    private readonly VethPair _pair;

    public ConditionsTests()
    {
        (_a, _b) = (Namespace(), Namespace());
        _pair = VethPair.Create(_a, "eth0", _b, "eth0");
        _pair.A.AddAddress("10.1.0.1/24");
        _pair.B.AddAddress("10.1.0.2/24");
    }

    [Fact]
    public void Rate_alone_is_a_token_bucket_and_is_reverted()
    {
        string before = Queueing().Kind;

        using (_pair.A.Impair(new LinkConditions { RateBitsPerSecond = 10_000_000 }))
        {
            (string kind, JsonElement options) = Queueing();
            Assert.Equal(("tbf", "1250000"), (kind, options.Text("rate")));
            Reach.Assert(_a, _b, "10.1.0.2", length: 1400);
        }

        Assert.Equal(before, Queueing().Kind);
        Reach.Assert(_a, _b, "10.1.0.2");
    }

    [Theory]
    [InlineData(8_000)]
    [InlineData(1_000_000_000_000)]
    public void Slowest_and_fastest_rates_are_taken(long rate)
    {
        using IDisposable impaired = _pair.A.Impair(new LinkConditions { RateBitsPerSecond = rate });
        Assert.Equal($"{rate / 8}", Queueing().Options.Text("rate"));
        Reach.Assert(_a, _b, "10.1.0.2");
    }

    [Fact]
    public void Latest_conditions_count_and_the_first_do_not_revert_them()
    {
        string before = Queueing().Kind;
        IDisposable first = _pair.A.Impair(new LinkConditions { RateBitsPerSecond = 8_000_000 });
        IDisposable second = _pair.A.Impair(new LinkConditions { RateBitsPerSecond = 16_000_000 });
        Assert.Equal("2000000", Queueing().Options.Text("rate"));

        first.Dispose();
        Assert.Equal("2000000", Queueing().Options.Text("rate"));
        second.Dispose();
        Assert.Equal(before, Queueing().Kind);
        second.Dispose();
        first.Dispose();
    }

    [Fact]
    public void Queueing_of_someone_else_is_left_alone()
    {
        Inside(_a, "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "5mbit", "burst", "10k", "latency", "50ms");
        ContainerException error = Assert.Throws<ContainerException>(() => _pair.A.Impair(new LinkConditions { RateBitsPerSecond = 8_000_000 }));
        Assert.Contains("tbf", error.Message, StringComparison.Ordinal);
        Assert.Equal("625000", Queueing().Options.Text("rate"));
    }

    [Fact]
    public void Reverting_after_the_link_or_its_namespace_is_gone_does_nothing()
    {
        IDisposable impaired = _pair.A.Impair(new LinkConditions { RateBitsPerSecond = 8_000_000 });
        _pair.Dispose();
        impaired.Dispose();

        using VethPair again = VethPair.Create(_a, "x", _b, "x");
        IDisposable other = again.B.Impair(new LinkConditions { RateBitsPerSecond = 8_000_000 });
        _b.Dispose();
        other.Dispose();
    }

    [Fact]
    public void Kernel_without_netem_is_named_and_nothing_is_changed()
    {
        string before = Queueing().Kind;
        IDisposable? impaired = null;
        SkipUnlessKernelHas("sch_netem", () => Refused(() => impaired = _pair.A.Impair(new LinkConditions { Delay = TimeSpan.FromMilliseconds(5) })));
        impaired!.Dispose();
        Assert.Equal(before, Queueing().Kind);

        void Refused(Action attempt)
        {
            try
            {
                attempt();
            }
            catch (NetlinkException)
            {
                Assert.Equal(before, Queueing().Kind);
                throw;
            }
        }
    }

    [Fact]
    public void Delay_loss_duplicates_and_corruption_are_as_asked()
    {
        IDisposable? impaired = null;
        SkipUnlessKernelHas("sch_netem", () => impaired = _pair.A.Impair(new LinkConditions
        {
            Delay = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(4), Loss = 1, Duplicate = 2, Reorder = 25, Corrupt = 0.5, RateBitsPerSecond = 80_000_000,
        }));
        (string kind, JsonElement options) = Queueing();
        Assert.Equal(("netem", "10000000"), (kind, options.Text("rate", "rate")));
        Assert.Equal([0.02, 0.004, 0.01, 0.02, 0.25, 0.005], new[]
        {
            options.GetProperty("delay").GetProperty("delay"), options.GetProperty("delay").GetProperty("jitter"), options.GetProperty("loss-random").GetProperty("loss"),
            options.GetProperty("duplicate").GetProperty("duplicate"), options.GetProperty("reorder").GetProperty("reorder"), options.GetProperty("corrupt").GetProperty("corrupt"),
        }.Select(value => Math.Round(value.GetDouble(), 6)));
        impaired!.Dispose();
        Assert.NotEqual("netem", Queueing().Kind);
    }

    [Fact]
    public void Delay_is_felt()
    {
        Reach.Assert(_a, _b, "10.1.0.2"); // addresses are known then
        IDisposable? impaired = null;
        SkipUnlessKernelHas("sch_netem", () => impaired = _pair.A.Impair(new LinkConditions { Delay = TimeSpan.FromMilliseconds(500) }));
        long start = Stopwatch.GetTimestamp();
        Reach.Assert(_a, _b, "10.1.0.2");
        Assert.True(Stopwatch.GetElapsedTime(start) >= TimeSpan.FromMilliseconds(500)); // no less, on however slow a machine
        impaired!.Dispose();
    }

    [Fact]
    public void Loss_of_all_packets_lets_none_through()
    {
        Reach.GiveUpSoon(_pair.A);
        IDisposable? impaired = null;
        SkipUnlessKernelHas("sch_netem", () => impaired = _pair.A.Impair(new LinkConditions { Loss = 100 }));
        Reach.AssertNot(_a, "10.1.0.2");
        impaired!.Dispose();
        Reach.Assert(_a, _b, "10.1.0.2");
    }

    public static TheoryData<LinkConditions> Impossible => new(
        new LinkConditions(),
        new LinkConditions { Loss = 120 },
        new LinkConditions { Loss = -1 },
        new LinkConditions { Duplicate = double.NaN },
        new LinkConditions { Corrupt = 100.1 },
        new LinkConditions { Reorder = 10 },
        new LinkConditions { Reorder = 101, Delay = TimeSpan.FromMilliseconds(1) },
        new LinkConditions { Delay = TimeSpan.FromMilliseconds(-1) },
        new LinkConditions { Delay = TimeSpan.FromHours(2) },
        new LinkConditions { Delay = TimeSpan.FromMilliseconds(1), Jitter = TimeSpan.FromMilliseconds(2) },
        new LinkConditions { RateBitsPerSecond = 0 },
        new LinkConditions { RateBitsPerSecond = -5 });

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Impossible_conditions_are_refused(LinkConditions conditions)
    {
        string before = Queueing().Kind;
        Assert.Throws<ContainerException>(() => _pair.A.Impair(conditions));
        Assert.Equal(before, Queueing().Kind);
    }

    private (string Kind, JsonElement Options) Queueing()
    {
        JsonElement root = JsonDocument.Parse(Inside(_a, "tc", "-j", "qdisc", "show", "dev", "eth0")).RootElement.EnumerateArray().Single();
        return (root.Text("kind")!, root.GetProperty("options"));
    }
}
