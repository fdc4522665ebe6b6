using Xunit;

namespace Containers.Tests.Credentials;

/// <summary>Limits and attributes of processes, seen from inside and by the host's own tools.</summary>
[Trait("vm", "yes")]
public sealed class AttributeTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Fact]
    public async Task Limits_are_those_asked_for()
    {
        string limits = await root.Sh("cat /proc/self/limits", container => container.WithRlimit(RlimitResource.OpenFiles, 64, 128).WithRlimit(RlimitResource.Core, 0).WithRlimit(RlimitResource.FileSize, 4096));

        Assert.Matches(@"Max open files +64 +128 ", limits);
        Assert.Matches(@"Max core file size +0 +0 ", limits);
        ContainerResult written = await root.Container.WithRlimit(RlimitResource.FileSize, 4096).WithCommand("dd", "if=/dev/zero", "of=/f", "bs=8192", "count=1").RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.NotEqual(0, written.ExitCode);
    }

    [Fact]
    public void Limits_that_the_host_cannot_give_are_refused_beforehand()
    {
        Assert.Contains("soft limit is above", Assert.Throws<ContainerException>(() => root.Container.WithRlimit(RlimitResource.OpenFiles, 5, 4)).Message);
        Assert.Contains("no limit of number 99", Assert.Throws<ContainerException>(() => root.Container.WithRlimit((RlimitResource)99, 5)).Message);
        Assert.Contains("/proc/sys/fs/nr_open", Assert.Throws<ContainerException>(() => root.Container.WithRlimit(RlimitResource.OpenFiles, Rlimit.Unlimited).WithCommand("true").Start()).Message);
        Requires.That(!Security.Credentials.HostPrivileges.Has(Capability.SysResource), "this test needs a root that lacks CAP_SYS_RESOURCE");
        string own = Tool.Run("prlimit", "--nofile", "--noheadings", "--raw", "--output", "HARD").Trim();
        Assert.Contains($"own hard limit is {own}", Assert.Throws<ContainerException>(() => root.Container.WithRlimit(RlimitResource.OpenFiles, 1, ulong.Parse(own) + 1).WithCommand("true").Start()).Message);
    }

    [Fact]
    public async Task Scheduling_is_what_the_hosts_tools_see()
    {
        Requires.Tools("chrt", "ionice", "taskset", "prlimit");
        await using Container container = root.Container.WithScheduling(SchedulingPolicy.Batch, nice: 7).WithIoPriority(IoPriorityClass.BestEffort, 6).WithAffinity(0).WithOomScoreAdjust(321).WithCommand("cat").Start();
        string pid = $"{container.Pid}";

        Assert.Contains("SCHED_BATCH", Tool.Run("chrt", "-p", pid));
        Assert.Equal("7", File.ReadAllText($"/proc/{pid}/stat").Split(") ")[1].Split(' ')[16]);
        Assert.Equal("best-effort: prio 6", Tool.Run("ionice", "-p", pid).Trim());
        Assert.EndsWith(": 1", Tool.Run("taskset", "-p", pid).Trim());
        Assert.Equal("321", File.ReadAllText($"/proc/{pid}/oom_score_adj").Trim());
    }

    [Fact]
    public async Task Host_keeps_its_own_oom_score_and_memory_protection()
    {
        string before = File.ReadAllText("/proc/self/oom_score_adj");
        for (int i = 0; i < 20; i++) // commands that may have ended before it is set
        {
            await root.Sh("true", container => container.WithOomScoreAdjust(777));
        }

        Assert.Equal(before, File.ReadAllText("/proc/self/oom_score_adj"));
    }

    [Fact]
    public void Attributes_that_cannot_be_are_refused()
    {
        Assert.Contains("Processor 4000 cannot be used", Assert.Throws<ContainerException>(() => root.Container.WithAffinity(4000).WithCommand("true").Start()).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => root.Container.WithScheduling(SchedulingPolicy.Fifo, priority: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => root.Container.WithOomScoreAdjust(1001));
    }

    [Fact]
    public async Task Personality_is_another()
    {
        Assert.Equal("i686\n", await root.Sh("uname -m", container => container.WithPersonality(Personality.Linux32)));
        Assert.Equal("00040000\n", await root.Sh("cat /proc/self/personality", container => container.WithPersonality(Personality.NoRandomize)));
    }

    [Fact]
    public async Task Sysctls_of_its_namespaces_are_the_containers_own()
    {
        string before = File.ReadAllText("/proc/sys/kernel/msgmax");
        Assert.Equal("4242\n1\n", await root.Sh("cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward", container => container.WithSysctl("kernel.msgmax", "4242").WithSysctl("net/ipv4/ip_forward", "1")));
        Assert.Equal(before, File.ReadAllText("/proc/sys/kernel/msgmax"));
        Assert.Contains("whole host's", Assert.Throws<ContainerException>(() => root.Container.WithSysctl("vm.swappiness", "1")).Message);
        Assert.Contains("no name", Assert.Throws<ContainerException>(() => root.Container.WithSysctl("net/../vm/swappiness", "1")).Message);
        Assert.Contains("shares the host's namespace", Assert.Throws<ContainerException>(() => root.Container.WithNet(Net.Host).WithSysctl("net.ipv4.ip_forward", "1").WithCommand("true").Start()).Message);
    }

    [Fact]
    public async Task Proc_shows_less_when_asked()
    {
        // Process 1 is root's; another user's shell is not told of it.
        Assert.Equal("gone\n", await root.Sh("su worker -s /bin/sh -c '[ -e /proc/1 ] && echo seen || echo gone'; true", container => container.WithProc(ProcVisibility.OwnProcesses)));
        Assert.Equal("seen\n", await root.Sh("su worker -s /bin/sh -c '[ -e /proc/1 ] && echo seen || echo gone'; true"));
        Assert.Equal("no\n", await root.Sh("[ -e /proc/meminfo ] && echo yes || echo no", container => container.WithProc(ProcVisibility.OnlyProcesses)));
    }

    [Fact]
    public async Task Masks_are_more_or_none()
    {
        Assert.Equal("0\n", await root.Sh("cat /proc/cpuinfo | wc -c", container => container.WithMaskedPaths("/proc/cpuinfo")));
        Assert.NotEqual("0\n", await root.Sh("cat /proc/interrupts | wc -c", container => container.WithoutMaskedPaths()));
        Assert.Contains("cannot be masked", Assert.Throws<ContainerException>(() => root.Container.WithMaskedPaths("/etc/passwd")).Message);
        Assert.Contains("cannot be masked", Assert.Throws<ContainerException>(() => root.Container.WithMaskedPaths("/proc/../etc")).Message);
    }

    [Fact]
    public async Task Device_of_the_host_is_given_by_its_numbers()
    {
        Requires.That(File.Exists("/dev/fuse"), "this test needs /dev/fuse");
        string host = Tool.Run("stat", "-c", "%t:%T", "/dev/fuse").Trim();

        Assert.Equal($"character special file {host}\n", await root.Sh("stat -c '%F %t:%T' /dev/deep/er/fuse", container => container.WithDevice("/dev/fuse", "/dev/deep/er/fuse")));
        Assert.Contains("is no device", Assert.Throws<ContainerException>(() => root.Container.WithDevice("/etc/passwd", "/dev/passwd").WithCommand("true").Start()).Message);
        Assert.Contains("below /dev", Assert.Throws<ContainerException>(() => root.Container.WithDevice("/dev/fuse", "/etc/fuse")).Message);
        Assert.Contains("\"rx\"", Assert.Throws<ContainerException>(() => root.Container.WithDevice("/dev/fuse", access: "rx")).Message);
        Assert.Contains("ENOENT", Assert.Throws<KernelException>(() => root.Container.WithDevice("/dev/no-such").WithCommand("true").Start()).Message);
    }
}
