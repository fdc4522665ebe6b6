using Containers.Launch;
using Xunit;

namespace Containers.Tests.Resources;

/// <summary>Want of memory: told without polling, and never the host's end.</summary>
[Trait("vm", "yes")]
public sealed class OomTests(BusyboxRoot root) : CgroupTest, IClassFixture<BusyboxRoot>
{
    private const long Mebibyte = 1 << 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Event_tells_of_each_kill_while_the_command_goes_on()
    {
        await using Container container = await root.Container.WithMemoryLimit(16 * Mebibyte).WithCommand("sh", "-c", "for i in 1 2 3; do read line; tail /dev/zero; echo survived $i; done").StartAsync(Cancellation);
        System.Threading.Channels.Channel<long> told = System.Threading.Channels.Channel.CreateUnbounded<long>();
        container.OutOfMemory += (sender, e) =>
        {
            Assert.Same(container, sender);
            told.Writer.TryWrite(e.Kills);
        };
        IAsyncEnumerator<string> lines = container.ReadOutputLinesAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        for (int i = 1; i <= 3; i++)
        {
            await container.WriteInputAsync("go\n", Cancellation);

            Assert.Equal(i, await told.Reader.ReadAsync(Cancellation));
            Assert.True(await lines.MoveNextAsync());
            Assert.Equal($"survived {i}", lines.Current);
        }

        Assert.True((await container.WaitAsync(Cancellation)).IsSuccess);
        await lines.DisposeAsync();
    }

    [Fact]
    public async Task Event_tells_one_who_listens_late()
    {
        await using Container container = await root.Container.WithMemoryLimit(16 * Mebibyte).WithCommand("tail", "/dev/zero").StartAsync(Cancellation);
        await container.WaitAsync(Cancellation);
        TaskCompletionSource<long> told = new();

        container.OutOfMemory += (_, e) => told.TrySetResult(e.Kills);

        Assert.Equal(1, await told.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    [Fact]
    public async Task Group_kill_ends_all_of_the_container()
    {
        await using Container container = await root.Container.WithMemoryLimit(16 * Mebibyte).WithOomGroupKill().WithCommand("sh", "-c", "sleep 1000 & tail /dev/zero; echo survived; sleep 1000").StartAsync(Cancellation);

        ContainerExit exit = await container.WaitAsync(Cancellation).WaitAsync(TimeSpan.FromSeconds(60), Cancellation);

        Assert.Equal(9, exit.Signal);
        Assert.DoesNotContain("survived", await container.ReadOutputAsync(Cancellation));
    }

    /// <summary>
    /// A child on its way shares the host's memory, and in a cgroup at its limit it is by far the greatest process: the kernel would kill
    /// it, and all who share its memory. This process would be gone, were it not spared.
    /// </summary>
    [Fact]
    public async Task Host_survives_want_of_memory_in_a_cgroup_that_a_child_is_just_starting_in()
    {
        await using Container hog = await root.Container.WithCgroupParent(PlaceInHierarchy + "/containers-oom-test").WithMemoryLimit(16 * Mebibyte)
            .WithCommand("sh", "-c", "while :; do tail /dev/zero 2> /dev/null; done").StartAsync(Cancellation);
        string hogged = hog.Cgroup!;
        await LimitsTests.Eventually(() => hog.GetStatistics().Memory!.OomKills > 1);

        // Children are born, over and over, where the memory is used up: those that get through, and those that do not, leave this process alone.
        ContainerLauncher.Intercept.Value = null;
        for (int i = 0; i < 200; i++)
        {
            JoinAndFail(hog);
        }

        Assert.True(hog.GetStatistics().Memory!.OomKills > 1);
        Assert.Equal(hogged, hog.Cgroup);
    }

    // A process that joins as one of exec does, up to the point at which it would execute.
    private static void JoinAndFail(Container container)
    {
        LaunchRequest request = container.RequestToJoin();
        using Containers.Native.StepProgram program = new();
        foreach (int directory in request.LegacyCgroups)
        {
            Containers.Native.Slot file = program.NewSlot();
            program.Add(Containers.Native.SystemCall.openat, directory, Containers.Native.StepProgram.Constant("tasks"), Containers.Native.Kernel.O_WRONLY, 0).Into(file);
            program.Add(Containers.Native.SystemCall.write, file, Containers.Native.StepProgram.Constant("0"), 1);
        }

        unsafe
        {
            Containers.Native.Kernel.timespec* pause = program.Data(new Containers.Native.Kernel.timespec { tv_nsec = 3_000_000 });
            program.Add(Containers.Native.SystemCall.clock_nanosleep, 1, 0, pause, 0);
        }

        program.Add(Containers.Native.SystemCall.close, -1);
        Containers.Native.LaunchedChild child = Containers.Native.Launcher.Launch(program, 0, cgroup: request.Cgroup, vfork: request.Vfork);
        child.WaitForExec();
        child.Handle.WaitForExit();
        child.Handle.TryReap(out _, out _);
        child.Handle.Dispose();
    }
}
