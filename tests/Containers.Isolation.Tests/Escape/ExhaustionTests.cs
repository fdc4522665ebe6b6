using System.Globalization;
using Containers.Resources;
using Containers.Tests.Resources;
using Xunit;

namespace Containers.Tests.Escape;

/// <summary>
/// Containers that take all there is, of everything at once and whoever they run as: they stop at their limits, and the host goes on.
/// Each limit by itself is tested with the limits.
/// </summary>
[Trait("vm", "yes")]
public sealed class ExhaustionTests : IClassFixture<BusyboxRoot>
{
    private const long Mebibyte = 1 << 20;

    private const string Bomb = "bomb() { bomb | bomb & }; ", Fill = "dd if=/dev/zero of=$HOME/filler bs=64k 2> /dev/null; ", Hog = "leave memfd; ";

    private readonly BusyboxRoot _root;

    public ExhaustionTests(BusyboxRoot root)
    {
        _root = root;
        Requires.Root();
        Requires.Tools("gcc");
        if (!File.Exists(root.Path + "/bin/leave"))
        {
            Tool.Run("gcc", "-O1", "-D_GNU_SOURCE", "-static", "-o", root.Path + "/bin/leave", Path.Combine(AppContext.BaseDirectory, "Escape/leave.c"));
            Tool.Bash($"mkdir -p {root.Path}/home/worker; chown 1000:1000 {root.Path}/home/worker; chmod 1777 {root.Path}/tmp");
        }
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ContainerBuilder Limited
    {
        get
        {
            Assert.SkipUnless(CgroupHost.Current.Of("memory") is not null && CgroupHost.Current.Of("pids") is not null, "this host has no controllers memory and pids");
            return _root.Container.WithPidsLimit(40).WithMemoryLimit(48 * Mebibyte).WithDiskLimit(8 * Mebibyte, DiskLimitKind.Memory);
        }
    }

    [Theory]
    [InlineData(null, false, false)]
    [InlineData("worker", false, false)]
    [InlineData(null, true, false)]
    [InlineData("worker", true, false)]
    [InlineData(null, false, true)]
    [InlineData("worker", false, true)]
    public async Task Bomb_hog_and_filler_at_once_leave_the_host_unharmed(string? user, bool mapped, bool joined)
    {
        int processes = Processes();
        ContainerBuilder builder = mapped ? Mapped(Limited) : Limited;
        string script = $"{Fill} ls -l $HOME/filler | awk '{{print $5}}'; (while :; do {Hog} done) 2> /dev/null & {Bomb} bomb 2> /dev/null; exec sleep 1000";
        int pid;
        await using (Container container = (joined || user is null ? builder : builder.WithUser(user)).WithCommand("sh", "-c", joined ? "sleep 1000" : script).Start())
        {
            pid = container.Pid;
            await using ContainerExec? exec = joined ? await container.ExecAsync(["sh", "-c", script], new ExecOptions { User = user }, Cancellation) : null;
            System.IO.Pipelines.PipeReader output = exec is null ? container.StandardOutput! : exec.StandardOutput!;
            using StreamReader lines = new(output.AsStream());
            Assert.InRange(long.Parse((await lines.ReadLineAsync(Cancellation))!, CultureInfo.InvariantCulture), 7 * Mebibyte, 8 * Mebibyte);
            // One after the other: those that are killed for want of memory are missing among those that are counted.
            await LimitsTests.Eventually(() => container.GetStatistics().Memory!.OomKills > 0 || container.Exit is not null);
            await LimitsTests.Eventually(() => container.GetStatistics().Pids!.Current >= 30 || container.Exit is not null);

            for (int i = 0; i < 20 && container.Exit is null; i++)
            {
                ContainerStatistics now = container.GetStatistics();
                Assert.InRange(now.Pids!.Current, 0, 40);
                Assert.InRange(now.Memory!.Current, 0, 48 * Mebibyte);
            }

            Assert.Equal("fine\n", await _root.Sh("echo fine")); // other containers start meanwhile
            Assert.InRange(StoreKilobytes(), 0, 400);
        }

        Assert.False(Directory.Exists($"/proc/{pid}"));
        Assert.True(SpinWait.SpinUntil(() => Processes() <= processes + 15, TimeSpan.FromSeconds(30)), $"{Processes()} processes, {processes} before"); // the machine has others, too
    }

    [Theory]
    [InlineData("shm", false)]
    [InlineData("shm", true)]
    [InlineData("memfd", false)]
    [InlineData("memfd", true)]
    public async Task Memory_that_belongs_to_no_process_counts_and_is_free_again(string kind, bool mapped)
    {
        long before = Shared();
        ContainerBuilder builder = mapped ? Mapped(Limited) : Limited;
        await using (Container container = builder.WithCommand("leave", kind).Start())
        {
            ContainerExit exit = await container.WaitAsync(Cancellation);

            Assert.Equal(ExitReason.OutOfMemory, exit.Reason);
            if (exit.Usage!.PeakMemoryBytes is { } peak) // cgroup v2 keeps it since Linux 5.19
            {
                Assert.InRange(peak, 30 * Mebibyte, 48 * Mebibyte);
            }
        }

        Assert.True(SpinWait.SpinUntil(() => Shared() - before < 16 * Mebibyte, TimeSpan.FromSeconds(30)), $"{Shared() - before} bytes are left"); // namespaces go a moment later
    }

    [Fact]
    public async Task Buffers_of_the_kernel_are_limited_for_who_runs_into_no_memory_limit()
    {
        // pipe-user-pages-soft: a user's pipes beyond it are small ones.
        ContainerResult result = await Limited.WithUser("worker").WithTimeout(TimeSpan.FromSeconds(5)).WithCommand("leave", "pipes").RunAsync(cancellationToken: Cancellation);
        Assert.Contains(result.Reason, (ExitReason[])[ExitReason.OutOfMemory, ExitReason.WallTime]);
        Assert.InRange(result.Exit.Usage!.PeakMemoryBytes ?? 0, 0, 48 * Mebibyte);
    }

    /// <summary>Every place where a container may write is filled, and not its root only: none is the host's disk, and none has no end.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Everything_that_can_be_written_has_an_end(bool mapped)
    {
        const string FillAll = """
            for place in / /dev /dev/shm /dev/mqueue /dev/pts /proc /sys /sys/fs/cgroup /etc /tmp /run /var; do
                dd if=/dev/zero of=$place/filler bs=64k count=4000 2> /dev/null
            done
            for file in /etc/hosts /etc/hostname /etc/resolv.conf; do
                dd if=/dev/zero of=$file bs=64k count=4000 2> /dev/null
            done
            stat -c '%s %n' /filler /*/filler /dev/*/filler /etc/hosts /etc/hostname /etc/resolv.conf 2> /dev/null

            read line
            """;
        ContainerBuilder builder = _root.Container.WithDiskLimit(8 * Mebibyte, DiskLimitKind.Memory).WithCommand("sh", "-c", FillAll + "; echo end; read line");
        await using Container container = (mapped ? Mapped(builder) : builder).Start();
        await container.WriteInputAsync("go\n", Cancellation);
        Dictionary<string, long> written = [];
        await foreach (string line in container.ReadOutputLinesAsync(Cancellation))
        {
            if (line == "end")
            {
                break;
            }

            string[] parts = line.Split(' ');
            written.Add(parts[1], long.Parse(parts[0], CultureInfo.InvariantCulture));
        }

        Assert.InRange(StoreKilobytes(), 0, 400);
        Assert.InRange(written.Where(one => one.Key is not ("/dev/filler" or "/dev/shm/filler")).Sum(one => one.Value), 7 * Mebibyte, 10 * Mebibyte); // /etc/hosts and its like have a mebibyte to themselves
        Assert.All(written.Values, size => Assert.InRange(size, 0, 64 * Mebibyte));
        container.CompleteInput();
        await container.WaitAsync(Cancellation);
    }

    private static ContainerBuilder Mapped(ContainerBuilder container)
    {
        Assert.SkipUnless(HostCapabilities.Probe().Has(HostFeature.IdmappedMounts), "this kernel maps no owners (Linux 5.12), and a root that is copied for its users has no disk limit");
        return container.WithUserNs(new IdMap(0, 300000, 65536));
    }

    private static int Processes() => Directory.EnumerateDirectories("/proc").Count(path => int.TryParse(Path.GetFileName(path), out _));

    private static long Shared()
        => 1024 * long.Parse(File.ReadLines("/proc/meminfo").First(line => line.StartsWith("Shmem:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    /// <summary>Where the kernel has project quotas, it lets owners of files change their project; the filter does not.</summary>
    [Theory]
    [InlineData("mkfs.xfs -q", 320)]
    [InlineData("mke2fs -q -t ext4 -O quota,project -E quotatype=prjquota", 64)]
    public async Task Nobody_takes_files_out_of_a_project_with_a_quota(string makeFileSystem, int mebibytes)
    {
        Requires.Tools("mkfs.xfs", "mke2fs");
        string mount = _root[$"project-{mebibytes}"];
        Tool.Bash($"export PATH=$PATH:/usr/sbin:/sbin; mkdir -p {mount}; truncate -s {mebibytes}M {mount}.img; {makeFileSystem} {mount}.img");
        bool mounted = Tool.Try("mount", "-o", "loop,prjquota", mount + ".img", mount).ExitCode == 0;
        try
        {
            Assert.SkipUnless(mounted, "this kernel has no project quotas (CONFIG_XFS_QUOTA, CONFIG_QFMT_V2)");
            ContainerBuilder container = _root.Container.WithStore(mount + "/store").WithDiskLimit(8 * Mebibyte, DiskLimitKind.ProjectQuota)
                .WithCommand("sh", "-c", "mkdir /tmp/out; leave project /tmp/out; dd if=/dev/zero of=/tmp/out/filler bs=64k count=1000 2> /dev/null; ls -l /tmp/out/filler | awk '{print $5}'");
            foreach (string user in (string[])["root", "worker"])
            {
                string[] left = (await container.WithUser(user).RunAsync(cancellationToken: Cancellation)).Output.Split('\n');
                Assert.Equal(["FS_IOC_FSSETXATTR: EPERM", "FS_IOC_FSSETXATTR with high bits: EPERM", "FS_IOC_SETFLAGS: EPERM", "file_setattr: EPERM"], left[..4]);
                Assert.InRange(long.Parse(left[4], CultureInfo.InvariantCulture), 7 * Mebibyte, 8 * Mebibyte);
            }

            // And this is what it is for.
            Assert.Contains("FS_IOC_FSSETXATTR: left", (await container.WithoutSeccomp().RunAsync(cancellationToken: Cancellation)).Output, StringComparison.Ordinal);
        }
        finally
        {
            if (mounted)
            {
                Tool.Run("umount", "-l", mount); // this process's lock on the store is open for good
            }
        }
    }

    private long StoreKilobytes() => long.Parse(Tool.Run("du", "-sk", "-x", _root.Store).Split('\t')[0], CultureInfo.InvariantCulture);
}
