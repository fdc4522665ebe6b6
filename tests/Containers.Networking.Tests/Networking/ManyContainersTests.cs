using System.Collections.Concurrent;
using System.Text;
using Xunit;

namespace Containers.Tests.Networking;

/// <summary>A crowd on one bridge.</summary>
public sealed class ManyContainersTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private const int Count = 250;

    [Fact]
    public async Task Each_of_250_containers_reaches_every_tenth_other_by_name_and_the_host_by_address()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("crowd0", "10.96.0.0/16");
        string others = string.Join(' ', Enumerable.Range(0, Count / 10).Select(i => $"c{i * 10}"));
        // Each waits for a line, so that all are there before the first one looks, and stays until the last one has.
        // The kernel has one table of neighbours for all namespaces, with room for 1024 (net.ipv4.neigh.default.gc_thresh3), and
        // keeps each for five seconds: who finds it full tries again, and who is done and asked for by nobody goes.
        ContainerBuilder one = root.Container.WithNet(network).WithCommand("sh", "-c",
            $"read go; for n in {others} 10.96.0.1; do i=0; until ping -c1 -W1 $n > /dev/null 2>&1; do i=$((i+1)); [ $i = 60 ] && echo no $n && exit; sleep 1; done; done; echo done; read end");
        List<Container> containers = [];
        try
        {
            for (int i = 0; i < Count; i++)
            {
                containers.Add(one.WithHostname($"c{i}").Start());
            }

            Assert.Equal(Count, containers.Select(container => container.Network.Address).Distinct().Count());
            Assert.Equal(Count, Tool.Run("ip", "-br", "link", "show", "master", "crowd0").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
            ConcurrentDictionary<int, string> answers = [];
            await Parallel.ForAsync(0, Count, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, async (i, stop) =>
            {
                await containers[i].StandardInput!.WriteAsync("go\n"u8.ToArray(), stop);
                StreamReader reader = new(containers[i].StandardOutput!.AsStream(), Encoding.UTF8);
                answers[i] = await reader.ReadLineAsync(stop) ?? "";
                if (i % 10 != 0)
                {
                    await containers[i].DisposeAsync();
                }
            });

            Assert.All(answers.Values, answer => Assert.Equal("done", answer));
            Assert.Equal(Count, answers.Count);
        }
        finally
        {
            Parallel.ForEach(containers, container => container.Dispose());
        }

        Assert.Empty(Tool.Run("ip", "-br", "link", "show", "master", "crowd0"));
    }
}
