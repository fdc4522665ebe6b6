using System.Diagnostics;
using Containers.Launch;
using Xunit;

namespace Containers.Tests.Launch;

/// <summary>Many containers: at once, and one after another.</summary>
public sealed class StressTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Fact]
    public async Task Two_hundred_containers_at_once_from_eight_threads_share_nothing()
    {
        const int Count = 200;
        Container[] containers = new Container[Count];
        ContainerBuilder builder = root.Container.WithCommand("sh", "-c", "hostname; ls /tmp; touch /tmp/$HOSTNAME; ls /tmp; readlink /proc/self/ns/pid; cat");

        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Factory.StartNew(
            () =>
            {
                for (int i = thread; i < Count; i += 8)
                {
                    containers[i] = builder.WithHostname($"host-{i}").Start();
                }
            },
            TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

        Assert.All(containers, container => Assert.Null(container.Exit)); // all of them live at once
        HashSet<string> namespaces = [];
        for (int i = 0; i < Count; i++)
        {
            containers[i].CompleteInput();
            string[] lines = (await containers[i].ReadOutputAsync(TestContext.Current.CancellationToken)).TrimEnd().Split('\n');
            Assert.Equal([$"host-{i}", $"host-{i}"], lines[..2]);
            Assert.True(namespaces.Add(lines[2]), lines[2]);
            Assert.True((await containers[i].WaitAsync(TestContext.Current.CancellationToken)).IsSuccess);
            await containers[i].DisposeAsync();
        }

        Assert.Empty(root.Leftovers());
    }

    [Fact]
    public void Ten_thousand_starts_leave_descriptors_threads_mounts_and_memory_where_they_were()
    {
        ContainerBuilder builder = root.Container.WithStandardStreams(StandardStream.Null, StandardStream.Pipe, StandardStream.Null).WithCommand("true");
        Run(500);
        (int descriptors, int threads, int mounts, long heap, long memory) before = Look();

        Run(9500);

        (int descriptors, int threads, int mounts, long heap, long memory) after = Look();
        Assert.InRange(after.descriptors, 0, before.descriptors + 5);
        Assert.InRange(after.threads, 0, before.threads + 5);
        Assert.Equal(before.mounts, after.mounts);
        Assert.InRange(after.heap, 0, before.heap + (2L << 20)); // 200 bytes a start would be more
        Assert.InRange(after.memory, 0, before.memory + (64L << 20)); // of the process, of which the collector takes and gives as it likes

        void Run(int count)
        {
            for (int i = 0; i < count; i++)
            {
                using Container container = builder.Start();
                Assert.True(container.Wait().IsSuccess);
            }
        }

        static (int Descriptors, int Threads, int Mounts, long Heap, long Memory) Look()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            using Process self = Process.GetCurrentProcess();
            return (Directory.GetFiles("/proc/self/fd").Length, self.Threads.Count, File.ReadAllLines("/proc/self/mountinfo").Length, GC.GetTotalMemory(true), self.WorkingSet64);
        }
    }

    [Fact]
    public void Compiling_a_plan_allocates_less_than_16_KiB()
    {
        ContainerSpec spec = root.Container.WithCommand("true").Spec;
        ResolvedRoot resolved = ResolvedRoot.Find(spec, TestContext.Current.CancellationToken);
        Compile(spec, resolved);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Compile(spec, resolved);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(allocated, 0, 16 * 1024);
        TestContext.Current.TestOutputHelper?.WriteLine($"{allocated} bytes");

        static void Compile(ContainerSpec spec, ResolvedRoot resolved)
        {
            LaunchRequest request = RequestBuilder.Build(spec, resolved, "0123456789ab", "/state/0123456789ab", (0, 1, 2));
            using LaunchPlan plan = LaunchPlan.Compile(request, 3, KernelFeatures.Current);
        }
    }
}
