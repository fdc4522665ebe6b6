using System.Diagnostics;
using Containers.Resources;
using Xunit;

namespace Containers.Tests.Resources;

/// <summary>Processes that are stopped all together, and ended all together.</summary>
[Trait("vm", "yes")]
public sealed class PauseTests(BusyboxRoot root) : CgroupTest, IClassFixture<BusyboxRoot>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Freezers => ["own", "legacy"];

    [Theory]
    [MemberData(nameof(Freezers))]
    public async Task Paused_container_makes_no_progress_until_it_is_resumed(string freezer)
    {
        Use(freezer);
        string shared = root["progress-" + freezer];
        Directory.CreateDirectory(shared);
        await using Container container = await root.Container.WithCgroup().WithBind(shared, "/shared").WithCommand("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i > /shared/count; done").StartAsync(Cancellation);
        await LimitsTests.Eventually(() => Count() > 10);
        for (int i = 0; i < 3; i++)
        {
            await container.PauseAsync(Cancellation);
            long paused = Count();
            TimeSpan used = container.GetStatistics().Cpu.Total;
            await Task.Delay(200, Cancellation); // the time in which it would go on
            Assert.Equal(paused, Count());
            Assert.Equal(used, container.GetStatistics().Cpu.Total);

            await container.ResumeAsync(Cancellation);
            await LimitsTests.Eventually(() => Count() > paused + 10);
        }

        long Count() => File.Exists(shared + "/count") && long.TryParse(File.ReadAllText(shared + "/count"), out long count) ? count : 0;
    }

    [Theory]
    [MemberData(nameof(Freezers))]
    public async Task Paused_container_can_be_killed_and_disposed(string freezer)
    {
        Use(freezer);
        await using (Container killed = await root.Container.WithCgroup().WithCommand("sh", "-c", "sleep 1000 & sleep 1000").StartAsync(Cancellation))
        {
            await killed.PauseAsync(Cancellation);
            Assert.True(killed.Kill());
            Assert.Equal(ExitReason.Killed, (await killed.WaitAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(30), Cancellation)).Reason);
        }

        Container disposed = await root.Container.WithCgroup().WithCommand("sleep", "1000").StartAsync(Cancellation);
        await disposed.PauseAsync(Cancellation);
        await disposed.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }

    [Fact]
    public async Task Pausing_that_is_given_up_lets_the_container_go_on()
    {
        await using Container container = await root.Container.WithCgroup().WithCommand("cat").StartAsync(Cancellation);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => container.PauseAsync(new CancellationToken(canceled: true)));

        await container.WriteInputAsync("still here\n", Cancellation);
        container.CompleteInput();
        Assert.Equal("still here\n", await container.ReadOutputAsync(Cancellation));
    }

    [Fact]
    public async Task Container_without_a_cgroup_says_what_would_give_it_one()
    {
        await using Container container = await root.Container.WithCommand("sleep", "1000").StartAsync(Cancellation);

        Assert.Null(container.Cgroup);
        ContainerException[] errors =
        [
            await Assert.ThrowsAsync<ContainerException>(() => container.PauseAsync(Cancellation)),
            await Assert.ThrowsAsync<ContainerException>(() => container.ResumeAsync(Cancellation)),
            await Assert.ThrowsAsync<ContainerException>(() => container.UpdateAsync(new ResourceLimits { Pids = 3 }, Cancellation)),
            Assert.Throws<ContainerException>(container.GetStatistics),
            Assert.Throws<ContainerException>(() => container.OutOfMemory += (_, _) => { }),
        ];
        Assert.All(errors, error => Assert.Contains("WithCgroup", error.Hint));
    }

    [Theory]
    [MemberData(nameof(Freezers))]
    public async Task Whole_tree_ends_with_the_container_also_what_has_left_its_session(string freezer)
    {
        Use(freezer);
        int[] pids;
        await using (Container container = await root.Container.WithHostPidNs().WithCgroup().WithCommand("sh", "-c", "for i in 1 2 3; do setsid sh -c 'setsid sleep 1000 &' & done; wait; echo ready; sleep 1000").StartAsync(Cancellation))
        {
            IAsyncEnumerator<string> lines = container.ReadOutputLinesAsync(Cancellation).GetAsyncEnumerator(Cancellation);
            Assert.True(await lines.MoveNextAsync());
            await LimitsTests.Eventually(() => Members(container).Count(pid => Name(pid) == "sleep") == 4);
            pids = Members(container);
            await lines.DisposeAsync();
        }

        Assert.True(pids.Length >= 4);
        Assert.All(pids, pid => Assert.True(HasEnded(pid), $"process {pid} is left: {Name(pid)}"));
    }

    [Fact]
    public async Task Command_that_ends_leaves_no_daemon_behind_its_disposal()
    {
        Container container = await root.Container.WithHostPidNs().WithCgroup().WithCommand("sh", "-c", "setsid sleep 1000 > /dev/null 2>&1 < /dev/null & exit 3").StartAsync(Cancellation);
        Assert.Equal(3, (await container.WaitAsync(Cancellation)).ExitCode);
        await LimitsTests.Eventually(() => Members(container) is [int one] && Name(one) == "sleep");
        int daemon = Members(container)[0];

        await container.DisposeAsync();

        Assert.True(HasEnded(daemon));
    }

    [Fact]
    public async Task Fork_bomb_is_killed_as_a_whole_without_cgroup_kill()
    {
        await using Container container = await root.Container.WithHostPidNs().WithPidsLimit(200).WithCommand("sh", "-c", "while :; do sh -c 'while :; do true & done' 2> /dev/null & done 2> /dev/null").StartAsync(Cancellation);
        await LimitsTests.Eventually(() => container.GetStatistics().Pids!.Current > 100);

        long began = Stopwatch.GetTimestamp();
        using (Containers.Native.CgroupHandle cgroup = Containers.Native.CgroupHandle.TryOpen(container.Cgroup!)!)
        {
            CgroupProcesses.KillOneByOne(cgroup); // as Linux 5.10 has to
        }

        await container.WaitAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(60), Cancellation);
        await LimitsTests.Eventually(() => container.GetStatistics().Pids!.Current == 0);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(60));
    }

    // "legacy": as if cgroup v2 were not mounted.
    private static void Use(string freezer)
    {
        if (freezer == "legacy")
        {
            Assert.SkipUnless(CgroupHost.Current.Of("freezer") is not null, "this test needs cgroup v1's controller freezer");
            CgroupHost.Pretended.Value = CgroupHost.Current.Where(one => !one.Unified);
        }
    }

    private static int[] Members(Container container) => [.. File.ReadLines(container.Cgroup! + "/cgroup.procs").Select(int.Parse)];

    // What nobody has taken the status of is still listed: a daemon's parent is the host's init, which takes its time.
    private static bool HasEnded(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].TrimStart()[0] is 'Z' or 'X';
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static string Name(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }
}
