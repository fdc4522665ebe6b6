using System.Globalization;
using Containers.Native;
using Xunit;

namespace Containers.Tests.Limits;

/// <summary>A container that fills its disk.</summary>
[Trait("vm", "yes")]
public sealed class DiskLimitTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private const string Fill = "dd if=/dev/zero of=/filler bs=64k count=1000 2>&1 | grep -o 'No space left on device\\|Disk quota exceeded'; ls -l /filler | awk '{print $5}'";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Disk_filler_stops_at_its_limit_and_the_host_keeps_its_room()
    {
        await using Container container = root.Container.WithDiskLimit(8 << 20, DiskLimitKind.Memory).WithCommand("sh", "-c", Fill + "; df -k / | tail -n 1 | awk '{print $5}'; cat").Start();
        List<string> said = [];
        await foreach (string line in container.ReadOutputLinesAsync(Cancellation))
        {
            said.Add(line);
            if (said.Count == 3)
            {
                Assert.InRange(long.Parse(Tool.Run("du", "-sk", root.Store).Split('\t')[0], CultureInfo.InvariantCulture), 0, 200); // while it is full
                container.CompleteInput();
            }
        }

        Assert.Equal("No space left on device", said[0]);
        Assert.InRange(long.Parse(said[1], CultureInfo.InvariantCulture), 7 << 20, 8 << 20);
        Assert.Equal("100%", said[2]);
    }

    [Fact]
    public async Task Many_small_files_stop_at_the_limit_too()
    {
        int made = int.Parse(await root.Sh("mkdir /many; i=0; while true > /many/$i; do i=$((i+1)); done 2> /dev/null; ls /many | wc -l", container => container.WithDiskLimit(1 << 20, DiskLimitKind.Memory)), CultureInfo.InvariantCulture);

        Assert.InRange(made, 1000, 1024 + 256);
    }

    [Fact]
    public async Task Container_with_a_limited_disk_works_as_any_other()
    {
        Tool.Bash($"cp -a {root.Path} {root["odd"]}; chmod 1751 {root["odd"]}; [ $(id -u) != 0 ] || chown 12:34 {root["odd"]}");
        string owner = Environment.UserName == "root" ? "12 34" : "0 0";
        ContainerBuilder container = Container.FromRootfs(root["odd"]).WithStore(root.Store).WithDiskLimit(2 << 20, DiskLimitKind.Memory).WithTmpfs("/scratch", 4 << 20)
            .WithCommand("sh", "-c", "stat -c '%a %u %g' /; echo changed >> /etc/motd; rm /etc/group; cat /etc/motd /etc/hostname; mv /root /moved; ls -d /moved; dd if=/dev/zero of=/scratch/x bs=1M count=3 2> /dev/null && echo own size");

        Assert.Equal($"1751 {owner}\noriginal\nchanged\nlimited\n/moved\nown size\n", (await container.WithHostname("limited").RunAsync(cancellationToken: Cancellation)).Output);
        Assert.Equal("original\n", File.ReadAllText(root["odd"] + "/etc/motd"));
    }

    [Fact]
    public async Task Memory_is_free_again_when_the_container_is_disposed()
    {
        long before = Shared();
        await using (Container container = root.Container.WithDiskLimit(64 << 20, DiskLimitKind.Memory).WithCommand("sh", "-c", "dd if=/dev/zero of=/filler bs=1M count=60 2> /dev/null; echo full; cat").Start())
        {
            await container.StandardOutput!.ReadAtLeastAsync(5, Cancellation);
            Assert.InRange(Shared() - before, 40 << 20, long.MaxValue);
        }

        SpinWait.SpinUntil(() => Shared() - before < 20 << 20, TimeSpan.FromSeconds(30)); // the last of its mounts goes after a grace period of the kernel
        Assert.InRange(Shared() - before, long.MinValue, 20 << 20);
    }

    [Fact]
    public async Task Limited_disk_among_the_hosts_mounts_is_taken_down()
    {
        Requires.Root();
        ContainerResult result = await root.Container.WithHostMountNs().WithDiskLimit(1 << 20, DiskLimitKind.Memory).WithCommand("sh", "-c", Fill).RunAsync(cancellationToken: Cancellation);

        Assert.StartsWith("No space left on device\n", result.Output);
        Assert.DoesNotContain(root.Store, File.ReadAllText("/proc/self/mountinfo"));
        Assert.Empty(root.Leftovers());
    }

    [Fact]
    public void Limit_that_cannot_be_kept_is_refused_before_anything_starts()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => root.Container.WithDiskLimit(DiskLimit.Minimum - 1));
        Assert.Contains("directory of the host itself", Refused(root.Container.WithBindRoot().WithDiskLimit(1 << 20)).Message);
        Assert.Contains("this machine has", Refused(root.Container.WithDiskLimit(1L << 60, DiskLimitKind.Memory)).Message);
        if (ProjectQuota.WhyNot(root.Path) is not null)
        {
            ContainerException error = Refused(root.Container.WithDiskLimit(1 << 20, DiskLimitKind.ProjectQuota));
            Assert.Contains("project quota", error.Message);
            Assert.Contains("prjquota", error.Hint);
        }

        Assert.Empty(root.Leftovers());

        static ContainerException Refused(ContainerBuilder container) => Assert.Throws<ContainerException>(() => container.WithCommand("true").Start());
    }

    [Theory]
    [InlineData("mkfs.xfs -q", 320)]
    [InlineData("mke2fs -q -t ext4 -O quota,project -E quotatype=prjquota", 64)]
    public async Task Disk_filler_stops_at_its_project_quota(string makeFileSystem, int mebibytes)
    {
        Requires.Root();
        Requires.Tools("mkfs.xfs", "mke2fs");
        string mount = root[$"disk-{mebibytes}"]; // a file of its own: the first one's may be in use by the kernel for a moment more
        Tool.Bash($"export PATH=$PATH:/usr/sbin:/sbin; mkdir -p {mount}; truncate -s {mebibytes}M {mount}.img; {makeFileSystem} {mount}.img");
        (int exitCode, _, string error) = Tool.Try("mount", "-o", "loop,prjquota", mount + ".img", mount);
        bool mounted = exitCode == 0;
        try
        {
            Assert.SkipUnless(mounted, "this kernel has no project quotas (CONFIG_XFS_QUOTA, CONFIG_QFMT_V2): " + error);
            Assert.Null(ProjectQuota.WhyNot(mount));
            ContainerBuilder container = root.Container.WithStore(mount + "/store").WithDiskLimit(8 << 20);

            string[] said = (await container.WithCommand("sh", "-c", Fill).RunAsync(cancellationToken: Cancellation)).Output.Split('\n');
            Assert.Contains(said[0], (string[])["No space left on device", "Disk quota exceeded"]); // xfs, ext4
            Assert.InRange(long.Parse(said[1], CultureInfo.InvariantCulture), 7 << 20, 8 << 20);

            // Each has its own, and nothing is left of the first one's.
            string again = (await container.WithCommand("sh", "-c", Fill + "; rm /filler; mkdir /many; i=0; while true > /many/$i; do i=$((i+1)); done 2> /dev/null; ls /many | wc -l").RunAsync(cancellationToken: Cancellation)).Output;
            Assert.Equal(said[0], again.Split('\n')[0]);
            Assert.InRange(int.Parse(again.Split('\n')[2], CultureInfo.InvariantCulture), 1000, 1024 + 2048);
            Assert.Empty(Directory.EnumerateDirectories(mount + "/store/running").SelectMany(Directory.EnumerateDirectories));
            File.WriteAllBytes(mount + "/host", new byte[20 << 20]);
        }
        finally
        {
            if (mounted)
            {
                Tool.Run("umount", "-l", mount); // this process's lock on the store is open for good
            }
        }
    }

    private static long Shared()
        => 1024 * long.Parse(File.ReadLines("/proc/meminfo").First(line => line.StartsWith("Shmem:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
