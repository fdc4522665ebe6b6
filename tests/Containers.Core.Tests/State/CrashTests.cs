using System.Diagnostics;
using Xunit;

namespace Containers.Tests.State;

/// <summary>Hosts that end in other ways than tests do.</summary>
public sealed class CrashTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static readonly string s_testHost = Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Containers_of_a_host_that_ends_are_ended_and_removed_by_the_next_one(bool killed)
    {
        string store = root["store-of-" + (killed ? "killed" : "careless")];
        using Process host = Start("start", store, "sh", "-c", "echo changed > /etc/motd; exec sleep 1000");
        int pid = int.Parse((await host.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!);
        Assert.True(Directory.Exists($"/proc/{pid}"));

        if (killed)
        {
            host.Kill();
        }
        else
        {
            host.StandardInput.Close();
        }

        await host.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{pid}"), TimeSpan.FromSeconds(30)), "the container outlived its host");
        string left = Assert.Single(Directory.EnumerateDirectories(store + "/running"));
        Assert.Single(Directory.EnumerateDirectories(left));

        Assert.Equal("original\n", await root.Sh("cat /etc/motd", container => container.WithStore(store)));
        Assert.False(Directory.Exists(left));
    }

    [Fact]
    public async Task Running_containers_of_another_host_are_left_alone()
    {
        string store = root["store-of-two"];
        using Process host = Start("start", store, "sleep", "1000");
        int pid = int.Parse((await host.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken))!);

        await root.Sh("true", container => container.WithStore(store));

        Assert.True(Directory.Exists($"/proc/{pid}"));
        Assert.Contains(Directory.EnumerateDirectories(store + "/running"), directory => Directory.EnumerateDirectories(directory).Any());
        host.Kill();
        await host.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{pid}"), TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Host_that_ends_in_peace_leaves_nothing()
    {
        string store = root["store-of-one"];

        Assert.Equal("hello\nexited with 0\n", Tool.Run("dotnet", s_testHost, "run", root.Path, store, "echo", "hello"));
        Assert.Empty(Directory.EnumerateDirectories(store + "/running"));
    }

    [Fact]
    public void Host_that_is_process_1_learns_the_status()
    {
        // .NET as PID 1 takes the status of every child: only Linux 6.15 and newer keep it for the pidfd.
        (int exitCode, string output, string error) = Tool.Try("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "dotnet", s_testHost, "run", root.Path, root["store-of-init"], "sh", "-c", "exit 7");

        Assert.True(output == "exited with 7\n" || error.Contains("Linux 6.15", StringComparison.Ordinal), $"{exitCode}: {output}{error}");
        if (Environment.OSVersion.Version >= new Version(6, 15))
        {
            Assert.Equal("exited with 7\n", output);
        }
    }

    private Process Start(string mode, string store, params string[] command)
        => Process.Start(new ProcessStartInfo("dotnet", [s_testHost, mode, root.Path, store, .. command]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
}
