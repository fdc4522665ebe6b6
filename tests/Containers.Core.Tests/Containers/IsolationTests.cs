using Containers.Launch;
using Xunit;

namespace Containers.Tests.Running;

/// <summary>What a container sees of itself and of the host.</summary>
[Trait("vm", "yes")]
public sealed class IsolationTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Fact]
    public async Task Container_sees_only_its_own_processes()
    {
        string[] processes = (await root.Sh("sleep 100 & ls /proc | grep '^[0-9]' | sort -n | tr '\\n' ' '; cat /proc/1/comm")).Split('\n')[0].Split(' ');

        Assert.Equal("1", processes[0]);
        Assert.InRange(processes.Length, 3, 8);
        Assert.All(processes[..^1], process => Assert.InRange(int.Parse(process), 1, 20));
    }

    [Fact]
    public async Task Command_is_process_1()
    {
        ContainerResult result = await root.Container.WithCommand("cat", "/proc/1/comm").RunAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("cat\n", result.Output);
        Assert.Equal("1 readlink\n", (await root.Container.WithCommand("sh", "-c", "exec sh -c 'echo $$ readlink'").RunAsync(cancellationToken: TestContext.Current.CancellationToken)).Output);
    }

    [Fact]
    public async Task Container_has_its_own_host_name_and_the_host_keeps_its_own()
    {
        string before = File.ReadAllText("/proc/sys/kernel/hostname");

        Assert.Equal("web\nweb\nweb\n", await root.Sh("hostname; cat /etc/hostname; cat /proc/sys/kernel/hostname", container => container.WithHostname("web")));
        Assert.Contains("\tweb\n", await root.Sh("cat /etc/hosts", container => container.WithHostname("web")));
        Assert.Equal(before, File.ReadAllText("/proc/sys/kernel/hostname"));
    }

    [Fact]
    public async Task Container_has_only_lo_and_it_is_up()
    {
        string links = await root.Sh("ip -o link; ping -c1 -W5 127.0.0.1 > /dev/null && echo reached; ls /sys/class/net; tail -n +3 /proc/net/dev | cut -d: -f1");

        Assert.Matches("^1: lo: <LOOPBACK,UP,LOWER_UP>", links);
        Assert.Equal(["reached", "lo", "    lo"], links.TrimEnd('\n').Split('\n')[1..]);
    }

    [Fact]
    public async Task Container_has_no_mount_of_the_host()
    {
        string[] mounts = (await root.Sh("cat /proc/self/mountinfo")).TrimEnd().Split('\n');
        string[] points = [.. mounts.Select(mount => mount.Split(' ')[4])];

        Assert.Equal("/", points[0]);
        Assert.All(points[1..], point => Assert.Matches("^/(proc|sys|dev|etc/(hostname|hosts|resolv.conf))(/|$)", point));
        Assert.All(mounts, mount => Assert.DoesNotContain(" shared:", mount));
        Assert.All(mounts, mount => Assert.DoesNotContain(" master:", mount));
    }

    [Fact]
    public async Task Container_has_no_descriptor_but_the_first_three()
    {
        using FileStream open = File.OpenRead("/etc/passwd");
        int inheritable = (int)Native.Kernel.fcntl((int)open.SafeFileHandle.DangerousGetHandle(), 0 /* F_DUPFD: not close-on-exec */, 50);
        try
        {
            // A shell that lists a directory by itself needs no other program and opens only that directory.
            Assert.Equal("0 1 2", (await root.Sh("cd /proc/1/fd; exec 9> /dev/null; exec 9>&-; for f in [0-9]*; do [ -e $f ] && printf '%s ' $f; done; true")).Trim());
        }
        finally
        {
            Native.Kernel.close(inheritable);
        }
    }

    [Fact]
    public async Task Environment_of_the_host_is_not_inherited()
    {
        Environment.SetEnvironmentVariable("CONTAINERS_TEST_SECRET", "x");

        string environment = await root.Sh("env", container => container.WithEnvironment("GIVEN", "a b=c").WithHostname("h"));

        Assert.DoesNotContain("SECRET", environment);
        Assert.Equal(["GIVEN=a b=c", "HOME=/root", "HOSTNAME=h", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            environment.Split('\n').Where(line => line.Length > 0 && !line.StartsWith("SHLVL", StringComparison.Ordinal) && !line.StartsWith("PWD", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Root_has_the_14_usual_capabilities_and_cannot_gain_more()
    {
        string status = await root.Sh("grep -E 'Cap|NoNewPrivs' /proc/self/status");

        Assert.Equal("CapInh:\t0000000000000000\nCapPrm:\t00000000a00425fb\nCapEff:\t00000000a00425fb\nCapBnd:\t00000000a00425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n", status);
    }

    [Fact]
    public async Task User_has_no_capabilities_and_the_groups_of_the_image()
    {
        string status = await root.Sh("id -u; id -g; id -G; grep CapEff /proc/self/status; echo $HOME", container => container.WithUser("worker"));

        Assert.Equal("1000\n1000\n1000 2000\nCapEff:\t0000000000000000\n/home/worker\n", status);
        Assert.Equal("7 8 8\n", await root.Sh("echo $(id -u) $(id -g) $(id -G)", container => container.WithUser("7:8")));
    }

    [Theory]
    [InlineData("echo 1 > /proc/sys/kernel/panic")]
    [InlineData("echo h > /proc/sysrq-trigger")]
    [InlineData("mount -t tmpfs none /tmp")]
    [InlineData("mount -o remount,rw /sys")]
    [InlineData("umount /proc/sys")]
    [InlineData("mknod /tmp/disk b 8 0 && cat /tmp/disk")]
    [InlineData("hostname other")]
    [InlineData("ip link set lo down")]
    [InlineData("mkdir /sys/fs/cgroup/x")]
    [InlineData("ls /proc/self/root/../../work")]
    public async Task Root_of_the_container_is_not_root_of_the_host(string attempt)
    {
        ContainerResult result = await root.Container.WithCommand("sh", "-c", attempt).RunAsync(cancellationToken: TestContext.Current.CancellationToken);

        Assert.NotEqual(0, result.ExitCode);
        Assert.Null(result.Exit.Signal);
    }

    [Fact]
    public async Task Masked_paths_are_empty()
    {
        foreach (string path in DefaultPolicy.MaskedPaths.Where(path => File.Exists(path) || Directory.Exists(path)))
        {
            Assert.Equal("", await root.Sh($"if [ -d {path} ]; then ls -A {path}; else cat {path}; fi"));
        }
    }

    [Fact]
    public async Task Devices_are_the_few_that_programs_expect()
    {
        Assert.Equal("fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero\n", await root.Sh("echo $(ls /dev)"));
        Assert.Equal("4\n", await root.Sh("head -c 4 /dev/urandom | wc -c; : > /dev/null; echo x > /dev/shm/file"));
        Assert.Equal("1777\n", await root.Sh("stat -c %a /dev/shm"));
        Assert.Equal("666\n", await root.Sh("stat -L -c %a /dev/ptmx"));
    }

    [Fact]
    public async Task Ipc_is_the_containers_own()
        => Assert.NotEqual(Tool.Run("readlink", "/proc/self/ns/ipc").Trim(), (await root.Sh("readlink /proc/self/ns/ipc")).Trim());

    [Theory]
    [InlineData("mnt")]
    [InlineData("pid")]
    [InlineData("uts")]
    [InlineData("ipc")]
    [InlineData("net")]
    [InlineData("cgroup")]
    [InlineData("time")]
    public async Task Each_namespace_can_be_private_or_shared_with_the_host(string kind)
    {
        string host = new FileInfo($"/proc/self/ns/{kind}").LinkTarget!;
        (Func<ContainerBuilder, ContainerBuilder> own, Func<ContainerBuilder, ContainerBuilder> shared) = kind switch
        {
            "mnt" => ((Func<ContainerBuilder, ContainerBuilder>)(c => c.WithMountNs()), (Func<ContainerBuilder, ContainerBuilder>)(c => c.WithHostMountNs())),
            "pid" => (c => c.WithPidNs(), c => c.WithHostPidNs()),
            "uts" => (c => c.WithUtsNs(), c => c.WithHostUtsNs()),
            "ipc" => (c => c.WithIpcNs(), c => c.WithHostIpcNs()),
            "net" => (c => c.WithNet(Net.None), c => c.WithNet(Net.Host)),
            "cgroup" => (c => c.WithCgroupNs(), c => c.WithHostCgroupNs()),
            _ => (c => c.WithTimeNs(), c => c.WithHostTimeNs()),
        };

        if (kind == "mnt" && Environment.UserName != "root")
        {
            Assert.Contains("needs root", Assert.Throws<ContainerException>(() => root.Container.WithHostMountNs().WithCommand("true").Start()).Message);
        }
        else
        {
            Assert.Equal(host, (await root.Sh($"readlink /proc/self/ns/{kind}", shared)).Trim());
        }

        if (kind != "time" || KernelFeatures.Current.TimeNamespaceAtExec)
        {
            Assert.NotEqual(host, (await root.Sh($"readlink /proc/self/ns/{kind}", own)).Trim());
        }

        if (kind != "time")
        {
            Assert.NotEqual(host, (await root.Sh($"readlink /proc/self/ns/{kind}")).Trim());
        }
    }

    [Fact]
    public async Task Clocks_can_be_set_off()
    {
        if (!KernelFeatures.Current.TimeNamespaceAtExec)
        {
            ContainerException error = Assert.Throws<ContainerException>(() => root.Container.WithTimeNs().WithCommand("true").Start());
            Assert.Contains("Linux 6.3", error.Message);
            return;
        }

        double host = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0]);
        double uptime = double.Parse((await root.Sh("cat /proc/uptime", container => container.WithTimeNs(monotonic: TimeSpan.FromSeconds(1.5), bootTime: TimeSpan.FromDays(10)))).Split(' ')[0]);

        Assert.InRange(uptime - host, 864_000, 864_060);
    }

    [Fact]
    public async Task Host_mount_namespace_leaves_nothing_mounted()
    {
        Requires.Root();
        string before = File.ReadAllText("/proc/self/mountinfo");
        Directory.CreateDirectory(root["precious"]);
        File.WriteAllText(root["precious/file"], "kept");

        await using (Container container = root.Container.WithHostMountNs().WithBind(root["precious"], "/data").WithCommand("cat").Start())
        {
            Assert.Contains(container.Id, File.ReadAllText("/proc/self/mountinfo"));
        }

        Assert.Equal(before, File.ReadAllText("/proc/self/mountinfo"));
        Assert.Equal("kept", File.ReadAllText(root["precious/file"]));
    }
}
