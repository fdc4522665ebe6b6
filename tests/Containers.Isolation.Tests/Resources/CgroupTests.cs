using System.Diagnostics;
using Containers.Launch;
using Containers.Native;
using Containers.Resources;
using Xunit;

namespace Containers.Tests.Resources;

/// <summary>Where cgroups are made, what is seen of them inside, and what is left of them: nothing.</summary>
[Trait("vm", "yes")]
public sealed class CgroupTests(BusyboxRoot root) : CgroupTest, IClassFixture<BusyboxRoot>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Container_that_asks_for_nothing_has_no_cgroup()
    {
        await using Container container = await root.Container.WithCommand("sleep", "1000").StartAsync(Cancellation);

        Assert.Null(container.Cgroup);
        Assert.Equal(File.ReadAllText("/proc/self/cgroup"), File.ReadAllText($"/proc/{container.Pid}/cgroup"));
    }

    [Fact]
    public async Task Container_sees_its_cgroup_as_the_root_of_all()
    {
        string inside = await root.Sh("cat /proc/self/cgroup", with => with.WithCgroup());
        string host = await root.Sh("cat /proc/self/cgroup", with => with.WithCgroup().WithHostCgroupNs());

        Assert.All(Lines(inside).Where(line => Counted(line)), line => Assert.EndsWith(":/", line));
        Assert.Contains(Lines(host), line => line.Contains("/containers-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Cgroup_is_named_as_asked_and_gone_afterwards()
    {
        string parent = $"{PlaceInHierarchy}/containers-test-{Environment.ProcessId}/below";
        string path;
        await using (Container container = await root.Container.WithCgroup("web@1").WithCgroupParent(parent).WithPidsLimit(10).WithCommand("sleep", "1000").StartAsync(Cancellation))
        {
            path = container.Cgroup!;
            Assert.EndsWith(parent + "/web@1", path);
            Assert.All(Lines(File.ReadAllText($"/proc/{container.Pid}/cgroup")).Where(Counted), line => Assert.EndsWith(parent + "/web@1", line));

            ContainerException error = await Assert.ThrowsAsync<ContainerException>(() => root.Container.WithCgroup("web@1").WithCgroupParent(parent).WithCommand("true").StartAsync(Cancellation));
            Assert.Contains("in use", error.Message);
        }

        Assert.False(Directory.Exists(path));
        Assert.False(Directory.Exists(Path.GetDirectoryName(Path.GetDirectoryName(path))));
    }

    [Fact]
    public async Task Named_cgroup_that_nobody_uses_is_replaced()
    {
        string path = Place + "/containers-left";
        Directory.CreateDirectory(path);

        await using Container container = await root.Container.WithCgroup("containers-left").WithCommand("sleep", "1000").StartAsync(Cancellation);

        Assert.Equal(path, container.Cgroup);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_killed_host_left_is_removed_by_the_next_one(bool paused)
    {
        using Process host = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll"), "cgroup", root.Path, root["store-of-killed"], "sh", "-c", "setsid sleep 1000 & sleep 1000"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        string cgroup = (await host.StandardOutput.ReadLineAsync(Cancellation))!;
        string name = Path.GetFileName(cgroup);
        string[] directories = [.. CgroupHost.Current.Hierarchies.Select(one => $"{one.Mount}/{name}").Append(cgroup).Where(Directory.Exists).Distinct()];
        Assert.NotEmpty(directories);
        await LimitsTests.Eventually(() => File.ReadLines(cgroup + "/cgroup.procs").Count() == 2);

        CgroupSweep.Sweep(Path.GetDirectoryName(cgroup)!); // of a host that lives: it is left alone
        Assert.All(directories, directory => Assert.True(Directory.Exists(directory)));

        if (paused)
        {
            File.WriteAllText(CgroupHost.Current.Unified is null ? cgroup + "/freezer.state" : cgroup + "/cgroup.freeze", CgroupHost.Current.Unified is null ? "FROZEN" : "1");
        }

        host.Kill();
        await host.WaitForExitAsync(Cancellation);
        Assert.True(Directory.Exists(cgroup));
        foreach (string directory in directories)
        {
            CgroupSweep.Sweep(Path.GetDirectoryName(directory)!);
        }

        Assert.All(directories, directory => Assert.False(Directory.Exists(directory), directory));
    }

    [Fact]
    public void Each_step_that_fails_leaves_no_cgroup()
    {
        ContainerBuilder builder = root.Container.WithCgroup().WithMemoryLimit(64 << 20).WithCpuset("0", "0").WithCommand("true");
        int steps = 1;
        for (int step = 0; step < steps; step++)
        {
            ContainerLauncher.Intercept.Value = plan =>
            {
                // The first ones, among them those of the cgroup, and one late step; FailureTests has all.
                steps = Enumerable.Range(0, plan.Program.Count).Last(i => plan.Operations[(int)plan.Program[i].Operation].Name == "enter the cgroup") + 3;
                plan.Program.Sabotage(step == steps - 1 ? plan.Program.Count - 1 : step);
            };
            try
            {
                using Container container = builder.Start();
            }
            catch (LaunchException)
            {
            }
            finally
            {
                ContainerLauncher.Intercept.Value = null;
            }

            Assert.DoesNotContain(CgroupHost.Current.Hierarchies.Select(one => one.Mount).Append(Place), place => Directory.EnumerateDirectories(place, $"containers-{Environment.ProcessId}-*").Any());
        }

        Assert.True(steps > 3);
    }

    [Fact]
    public async Task Many_start_and_end_at_once()
    {
        await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            await using Container container = await root.Container.WithMemoryLimit(32 << 20).WithPidsLimit(5 + i).WithCommand("sh", "-c", "exit 3").StartAsync(Cancellation);
            Assert.Equal(3, (await container.WaitAsync(Cancellation)).ExitCode);
            Assert.Equal(5 + i, container.GetStatistics().Pids!.Limit);
        }));
    }

    [Fact]
    public async Task Container_finds_its_limits_in_sys_and_cannot_change_them()
    {
        Assert.SkipUnless(CgroupHost.Current.Mode == CgroupMode.V2, "this test needs a host with cgroup v2 alone");

        string seen = await root.Sh("cat /sys/fs/cgroup/memory.max; grep ' /sys/fs/cgroup ' /proc/self/mountinfo; for f in memory.max cgroup.procs cgroup.subtree_control; do (echo 1 > /sys/fs/cgroup/$f) 2>&1; done; mkdir /sys/fs/cgroup/x 2>&1; mount -o remount,rw /sys/fs/cgroup 2>&1; ls /sys/fs/cgroup/release_agent 2>&1; true",
            with => with.WithMemoryLimit(64 << 20));

        Assert.StartsWith("67108864\n", seen);
        Assert.Contains("/ /sys/fs/cgroup ro,nosuid,nodev,noexec", seen);
        Assert.Equal(4, seen.Split("Read-only file system").Length - 1);
        Assert.Contains("release_agent: No such file or directory", seen);
        Assert.Contains("mount: permission denied", seen);
    }

    [Fact]
    public async Task Explained_commands_put_a_shell_where_the_container_would_be()
    {
        Requires.Root(); // unshare(1) of before 2.39 takes maps in another order
        ContainerBuilder builder = root.Container.WithMemoryLimit(64 << 20).WithPidsLimit(100).WithCommand("cat", "/proc/self/cgroup");
        string script = builder.Explain();
        Assert.Contains("64", script);
        string[] made = [.. Lines(script).Where(line => line.StartsWith("mkdir -p /sys/fs/cgroup", StringComparison.Ordinal)).Select(line => line["mkdir -p ".Length..])];
        string text = builder.Explain(ExplainStyle.SystemCalls);
        Assert.DoesNotContain("CLONE_NEWCGROUP", text.Split('\n')[0]);
        Assert.Contains("unshare(0x2000000)", text);
        try
        {
            File.WriteAllText(root["explained.sh"], script);
            Assert.Equal(await root.Sh("cat /proc/self/cgroup", with => with.WithMemoryLimit(64 << 20).WithPidsLimit(100)), Tool.Run("bash", root["explained.sh"]));
            Assert.NotEmpty(made);
            Assert.Contains(made, directory => File.Exists(directory + "/pids.max") && File.ReadAllText(directory + "/pids.max") == "100\n");
        }
        finally
        {
            foreach (string directory in made)
            {
                await LimitsTests.Eventually(() => !Directory.Exists(directory) || TryDelete(directory));
            }
        }

        static bool TryDelete(string directory)
        {
            using CgroupHandle? cgroup = CgroupHandle.TryOpen(directory);
            return cgroup?.TryRemove() is null;
        }
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    // A line of /proc/PID/cgroup that tells of a tree the container is in.
    private static bool Counted(string line) => line.StartsWith("0::", StringComparison.Ordinal) || line.Contains(":pids:", StringComparison.Ordinal);
}
