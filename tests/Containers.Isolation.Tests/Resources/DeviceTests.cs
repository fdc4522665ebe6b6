using Containers.Resources;
using Xunit;

namespace Containers.Tests.Resources;

/// <summary>Devices that may be opened, whatever nodes there are: by an eBPF program, and by cgroup v1's controller.</summary>
[Trait("vm", "yes")]
public sealed class DeviceTests(BusyboxRoot root) : CgroupTest, IClassFixture<BusyboxRoot>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<bool> Ways => [false, true];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Nodes_can_be_made_and_only_the_usual_ones_opened(bool legacy)
    {
        Use(legacy);
        string seen = await root.Sh("""
            mknod /tmp/mem c 1 1; mknod /tmp/kmsg c 1 11; mknod /tmp/loop b 7 0; mknod /tmp/null c 1 3; mknod /tmp/fuse c 10 229
            for d in mem kmsg loop fuse null; do head -c 0 /tmp/$d > /dev/null 2>&1 && echo "$d opens" || head -c 0 /tmp/$d 2>&1 | cat; done
            for d in null zero full random urandom; do head -c 1 /dev/$d > /dev/null && echo x > /dev/$d 2> /dev/null; head -c 0 /dev/$d && echo "$d is usual"; done
            """, with => with.WithCgroup().WithCapabilities(Capability.Mknod));

        Assert.All((string[])["mem", "kmsg", "loop", "fuse"], device => Assert.Contains($"/tmp/{device}: Operation not permitted", seen));
        Assert.Contains("null opens", seen);
        Assert.All((string[])["null", "zero", "full", "random", "urandom"], device => Assert.Contains($"{device} is usual", seen));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Rules_allow_what_they_name_and_no_more(bool legacy)
    {
        Use(legacy);
        string seen = await root.Sh("mknod /tmp/kmsg c 1 11; mknod /tmp/mem c 1 1; cat < /dev/null > /tmp/kmsg && echo written; head -c 0 /tmp/kmsg 2>&1; head -c 0 /tmp/mem 2>&1; true",
            with => with.WithSpec(with.WithCgroup().WithCapabilities(Capability.Mknod).Spec with { DeviceRules = [new DeviceRule('c', 1, 11, "w")] }));

        Assert.Contains("written", seen);
        Assert.Contains("/tmp/kmsg: Operation not permitted", seen);
        Assert.Contains("/tmp/mem: Operation not permitted", seen);
    }

    [Fact]
    public void Program_is_accepted_by_the_kernel_with_any_rules()
    {
        Assert.SkipUnless(DeviceControl.ByProgram(CgroupHost.Current), "this test needs cgroup v2 with eBPF programs for devices");
        Random random = new(1);
        for (int i = 0; i < 50; i++)
        {
            DeviceRule[] rules = [.. Enumerable.Range(0, i * 3).Select(_ => new DeviceRule("abc"[random.Next(3)], random.Next(3) == 0 ? null : random.Next(4096), random.Next(3) == 0 ? null : random.Next(1 << 20), ((string[])["r", "w", "m", "rw", "rm", "wm", "rwm"])[random.Next(7)]))];

            int program = DeviceProgram.TryLoad(DeviceProgram.Assemble(rules));

            Assert.True(program >= 0, $"{rules.Length} rules: errno {-program}");
            Assert.Equal(0, Native.Kernel.close(program));
        }

        int all = DeviceProgram.TryLoad(DeviceProgram.Assemble([new DeviceRule('c', 1, 3, "r"), new DeviceRule('a', null, null, "rwm"), new DeviceRule('b', 8, 0, "r")]));
        Assert.True(all >= 0);
        Assert.Equal(0, Native.Kernel.close(all));
    }

    private static void Use(bool legacy)
    {
        if (legacy)
        {
            Assert.SkipUnless(CgroupHost.Current.Of("devices") is not null, "this test needs cgroup v1's controller devices");
            CgroupHost.Pretended.Value = CgroupHost.Current.Where(one => !one.Unified);
        }
        else
        {
            Assert.SkipUnless(DeviceControl.ByProgram(CgroupHost.Current), "this test needs cgroup v2 with eBPF programs for devices");
        }
    }
}
