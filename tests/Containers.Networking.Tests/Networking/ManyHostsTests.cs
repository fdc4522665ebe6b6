using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Containers.Tests.Networking;

/// <summary>Several host processes on one network, and those that are killed.</summary>
public sealed class ManyHostsTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static readonly string s_testHost = Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_processes_share_a_bridge_its_addresses_and_its_names()
    {
        Requires.OwnNetwork();
        string before = ContainerNetworkTests.State();
        using Network network = Network.Bridge("shared0", "10.92.0.0/24");
        await using Container own = root.Container.WithNet(network).WithHostname("first").WithCommand("sleep", "100").Start();
        using Process other = Start("net", "shared0", "10.92.0.0/24", "second");
        string address = (await other.StandardOutput.ReadLineAsync(Stop))!;

        Assert.StartsWith("10.92.0.", address, StringComparison.Ordinal);
        Assert.NotEqual(own.Network.Address!.ToString(), address);
        Assert.Contains(address, await root.Sh("nslookup second", container => container.WithNet(network)));
        Assert.Equal("reached\n", await root.Sh("ping -c1 -W5 second > /dev/null && echo reached", container => container.WithNet(network)));
        Assert.Contains("is taken", Assert.Throws<NetworkException>(() => root.Container.WithNet(net => net.Network(network).Address(address)).WithCommand("true").Start()).Message);
        Assert.Contains("in use by another process", Assert.Throws<NetworkException>(() => { own.Dispose(); network.Remove(); }).Message);

        network.Dispose();
        Assert.Contains("shared0", Tool.Run("ip", "-o", "link"));
        other.StandardInput.Close();
        await other.WaitForExitAsync(Stop);
        Assert.Equal(before, ContainerNetworkTests.State());
    }

    [Fact]
    public async Task Addresses_taken_at_the_same_time_are_different()
    {
        Requires.OwnNetwork();
        using Network network = Network.Bridge("race0", "10.93.0.0/27");
        Process[] others = [.. Enumerable.Range(0, 4).Select(i => Start("net", "race0", "10.93.0.0/27", $"racer{i}"))];
        List<Container> own = [.. Enumerable.Range(0, 8).AsParallel().WithDegreeOfParallelism(4).Select(_ => root.Container.WithNet(network).WithCommand("sleep", "100").Start())];
        List<string> addresses = [.. own.Select(one => one.Network.Address!.ToString())];
        foreach (Process other in others)
        {
            addresses.Add((await other.StandardOutput.ReadLineAsync(Stop))!);
        }

        Assert.Equal(12, addresses.Distinct().Count());
        own.ForEach(one => one.Dispose());
        foreach (Process other in others)
        {
            other.StandardInput.Close();
            await other.WaitForExitAsync(Stop);
            other.Dispose();
        }
    }

    // T: stopped. D: it waits for its child to execute (CLONE_VFORK), which is there by then.
    private static bool HasStopped(int process)
        => Directory.EnumerateDirectories($"/proc/{process}/task").All(thread => File.ReadAllText(thread + "/stat") is var stat && stat[stat.LastIndexOf(')') + 2] is 'T' or 't' or 'D');

    [Fact]
    public async Task What_a_killed_host_leaves_is_removed_by_the_next_start()
    {
        Requires.OwnNetwork();
        string before = ContainerNetworkTests.State();
        Random random = new(3);
        for (int i = 0; i < 100; i++)
        {
            using Process host = Start("churn", "killed0", "10.94.0.0/24");
            for (int lines = random.Next(3); lines > 0; lines--)
            {
                await host.StandardOutput.ReadLineAsync(Stop);
            }

            long until = Stopwatch.GetTimestamp() + random.Next((int)(Stopwatch.Frequency / 10));
            SpinWait.SpinUntil(() => Stopwatch.GetTimestamp() >= until); // a random moment of starting and stopping
            // Stopped first: its containers can be counted then, and die with it. While one of them is still on its way to its
            // own program it holds what the host had open.
            Tool.Run("kill", "-STOP", host.Id.ToString(CultureInfo.InvariantCulture));
            Assert.True(SpinWait.SpinUntil(() => HasStopped(host.Id), TimeSpan.FromSeconds(30)), "the host does not stop"); // a thread that clones finishes that first
            string[] children = [.. Directory.EnumerateDirectories($"/proc/{host.Id}/task").SelectMany(thread => File.ReadAllText(thread + "/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))];
            host.Kill();
            await host.WaitForExitAsync(Stop);
            Assert.True(SpinWait.SpinUntil(() => !children.Any(child => Directory.Exists("/proc/" + child)), TimeSpan.FromSeconds(30)), "a container outlived its host");

            using (Network network = Network.Bridge("after0", "10.95.0.0/24"))
            {
                Assert.DoesNotContain("killed0", Tool.Run("ip", "-o", "link"));
                Assert.DoesNotContain("10.94.0", ContainerNetworkTests.State());
            }

            Assert.Equal(before, ContainerNetworkTests.State());
        }
    }

    /// <summary>Whenever its host is killed on that way, the next one finds a file that says whose the bridge was.</summary>
    [Fact]
    public void Bridge_is_removed_before_the_file_that_tells_whose_it_was()
    {
        Requires.OwnNetwork();
        Requires.Tools("strace");
        string trace = root["trace"];
        Tool.Bash($"strace -f -o {trace} -e trace=unlink,unlinkat,sendto dotnet {s_testHost} net {root.Path} {root["store-of-net"]} traced0 10.96.0.0/24 name < /dev/null");

        string[] calls = [.. File.ReadLines(trace).Where(line => (line.Contains("RTM_DELLINK", StringComparison.Ordinal) && line.Contains("\"traced0\"", StringComparison.Ordinal)) || line.Contains("traced0.leases", StringComparison.Ordinal))];
        Assert.Collection(calls, first => Assert.Contains("RTM_DELLINK", first), second => Assert.Contains("unlink", second));
    }

    private Process Start(string mode, params string[] arguments)
        => Process.Start(new ProcessStartInfo("dotnet", [s_testHost, mode, root.Path, root[$"store-of-{mode}"], .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
}
