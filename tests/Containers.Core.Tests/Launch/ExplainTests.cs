using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Containers.Tests.Launch;

/// <summary>The plan as text, and what it cost.</summary>
public sealed partial class ExplainTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private const string Look = "cat /proc/self/mountinfo; echo ---; ls /sys/class/net; ip -o addr; echo ---; ps -o pid,user,comm | head -n 2; echo ---; hostname; id; pwd; env | grep -vE 'PWD|SHLVL' | sort; grep -E 'Cap|NoNew' /proc/self/status; cat /etc/hosts; ls -l /dev; stat -c '%a %n' / /dev /dev/shm /proc /sys";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Shell_commands_build_the_same_container()
    {
        Requires.Tools("unshare", "setpriv", "ip", "chroot");
        Directory.CreateDirectory(root["shared"]);
        ContainerBuilder builder = root.Container.WithHostname("same").WithBind(root["shared"], "/data", readOnly: true).WithTmpfs("/scratch", 1 << 20).WithWorkingDirectory("/tmp")
            .WithUser("0:0").WithEnvironment("QUOTED", "it's \"so\" $HOME").WithReadOnlyRoot().WithCommand("sh", "-c", Look);
        string script = builder.Explain(ExplainStyle.Shell);
        File.WriteAllText(root["explained.sh"], script);
        string state = StateDirectory().Match(script).Groups[1].Value;
        try
        {
            string explained = Tool.Run("bash", root["explained.sh"]);
            string ran = (await builder.RunAsync(cancellationToken: Cancellation)).Output;

            Assert.Equal(Normalised(ran), Normalised(explained));
            Assert.Contains("overlay overlay", Normalised(ran));
        }
        finally
        {
            Tool.Run("rm", "-rf", state);
        }
    }

    [Fact]
    public void System_calls_are_printed_in_their_order_with_the_reason()
    {
        string text = root.Container.WithHostname("web").WithCommand("true").Explain(ExplainStyle.SystemCalls);

        string[] calls = [.. text.Split('\n').Where(line => line.Length > 0 && line[0] != '#')];
        Assert.StartsWith("clone3({flags=CLONE_FILES|CLONE_NEWNS|CLONE_NEWPID|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWNET|CLONE_NEWCGROUP|CLONE_VM|CLONE_PIDFD", calls[0]);
        Assert.Equal("prctl(1, 9)", calls[1]);
        Assert.Contains("mount(NULL, \"/\", NULL, 0x44000, NULL)", calls);
        Assert.Contains("sethostname(\"web\", 3)", calls);
        Assert.Contains("pivot_root(\".\", \".\")", calls);
        Assert.Contains(calls, call => call.StartsWith("execve(\"/bin/true\", [\"true\"], [\"PATH=/usr/local/sbin:", StringComparison.Ordinal));
        Assert.Contains("# make mounts private: What is mounted from here on must not appear on the host", text);
        Assert.Equal(text, root.Container.WithHostname("web").WithId("same").WithCommand("true").Explain(ExplainStyle.SystemCalls).Replace("containers-same", Id().Match(text).Value));
    }

    [Theory]
    [InlineData("WithTmpfs", "mount tmpfs on \"/x\"")]
    [InlineData("WithBind", "bind \"/etc\" to \"/x\"")]
    [InlineData("WithReadOnlyRoot", "make the root read-only")]
    [InlineData("WithTimeNs", "set time offsets")]
    [InlineData("WithStandardStreams", "open /dev/null")]
    public void Builder_call_adds_one_operation(string call, string operation)
    {
        if (call == "WithTimeNs")
        {
            Requires.That(Containers.Launch.KernelFeatures.Current.TimeNamespaceAtExec, "time namespaces need Linux 6.3");
        }

        ContainerBuilder plain = root.Container.WithCommand("true");
        ContainerBuilder with = call switch
        {
            "WithTmpfs" => plain.WithTmpfs("/x"),
            "WithBind" => plain.WithBind("/etc", "/x"),
            "WithReadOnlyRoot" => plain.WithReadOnlyRoot(),
            "WithTimeNs" => plain.WithTimeNs(),
            _ => plain.WithStandardStreams(StandardStream.Null, StandardStream.Null, StandardStream.Null),
        };

        Assert.Equal([operation], Operations(with).Except(Operations(plain)));
        Assert.Empty(Operations(plain).Except(Operations(with)));
    }

    [Theory]
    [InlineData("WithHostPidNs", "--pid", "")]
    [InlineData("WithHostUtsNs", "--uts", "\nhostname ")]
    [InlineData("WithHostNetNs", "--net", "ip link set lo up")]
    [InlineData("WithHostMountNs", "--mount", "mount --make-rprivate /")]
    [InlineData("WithHostIpcNs", "--ipc", "")]
    [InlineData("WithHostCgroupNs", "--cgroup", "")]
    public void Sharing_a_namespace_takes_its_commands_away(string call, string option, string command)
    {
        ContainerBuilder plain = root.Container.WithCommand("true");
        ContainerBuilder shared = (ContainerBuilder)typeof(ContainerBuilder).GetMethod(call)!.Invoke(plain, [])!;

        Assert.Contains(option, plain.Explain());
        Assert.DoesNotContain(option, shared.Explain());
        Assert.Contains(command, plain.Explain());
        Assert.True(command.Length == 0 || !shared.Explain().Contains(command, StringComparison.Ordinal));
    }

    [Fact]
    public void Timeline_tells_what_each_step_cost()
    {
        using Container container = root.Container.WithCommand("true").Start();
        container.Wait();
        LaunchTimeline timeline = container.Timeline;

        Assert.Equal("plan", timeline.Entries[0].Name);
        Assert.Equal("clone3 into new namespaces", timeline.Entries[1].Name);
        Assert.Equal("execute \"true\"", timeline.Entries[^1].Name);
        Assert.Contains("execve", timeline.Entries[^1].SystemCalls);
        Assert.Equal(["fchdir", "pivot_root", "umount2", "chdir"], timeline.Entries.Single(entry => entry.Name == "pivot_root").SystemCalls);
        Assert.All(timeline.Entries, entry => Assert.True(entry.Duration >= TimeSpan.Zero));
        TimeSpan at = TimeSpan.Zero;
        foreach (LaunchTimelineEntry entry in timeline.Entries)
        {
            Assert.InRange(entry.Start, at, timeline.Total);
            at = entry.Start;
        }

        Assert.InRange(timeline.Entries.Sum(entry => entry.Duration.TotalMicroseconds), timeline.Total.TotalMicroseconds * 0.98, timeline.Total.TotalMicroseconds * 1.02);
        Assert.Contains("mount proc on \"/proc\"", timeline.ToString());
        XDocument svg = XDocument.Parse(timeline.ToSvg());
        Assert.Equal(timeline.Entries.Count, svg.Descendants("{http://www.w3.org/2000/svg}title").Count());
    }

    private static IEnumerable<string> Operations(ContainerBuilder builder)
        => builder.WithId("golden").Explain(ExplainStyle.SystemCalls).Split('\n').Where(line => line.StartsWith("# ", StringComparison.Ordinal)).Select(line => line[2..line.IndexOf(": ", StringComparison.Ordinal)]);

    // Numbers of mounts and devices, the container's own directory, times, and how a mount was written down, differ; all else may not.
    private static string Normalised(string seen)
    {
        string text = MountIds().Replace(seen, "");
        text = OverlayOptions().Replace(text, "overlay overlay rw");
        text = Times().Replace(text, "");
        text = ReadOnlySuperblocks().Replace(text, "$1 rw"); // mount(8) makes the file system read-only too, and not the mount only
        return text.Replace(",inode64", "", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^\d+ \d+ \d+:\d+ ", RegexOptions.Multiline)]
    private static partial Regex MountIds();

    [GeneratedRegex("(sysfs sysfs|tmpfs tmpfs) ro")]
    private static partial Regex ReadOnlySuperblocks();

    [GeneratedRegex(@"overlay overlay rw.*")]
    private static partial Regex OverlayOptions();

    [GeneratedRegex(@"[A-Z][a-z][a-z] +\d+ \d\d:\d\d")]
    private static partial Regex Times();

    [GeneratedRegex("^state=(.*)$", RegexOptions.Multiline)]
    private static partial Regex StateDirectory();

    [GeneratedRegex("containers-[0-9a-f]{12}")]
    private static partial Regex Id();
}
