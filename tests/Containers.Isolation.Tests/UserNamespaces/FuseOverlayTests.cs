using System.Diagnostics;
using Containers.Launch;
using Containers.Native;
using Xunit;

namespace Containers.Tests.UserNamespaces;

/// <summary>Roots from fuse-overlayfs, of whoever runs the tests.</summary>
[Trait("vm", "yes")]
public sealed class FuseOverlayTests : IClassFixture<BusyboxRoot>
{
    private static readonly Lazy<HostCapability> s_fuse = new(() => HostCapabilities.Probe()[HostFeature.FuseOverlayfs]);

    private readonly BusyboxRoot _root;

    public FuseOverlayTests(BusyboxRoot root)
    {
        Requires.That(s_fuse.Value.IsAvailable, $"this test needs fuse-overlayfs ({s_fuse.Value.Detail})");
        _root = root;
    }

    private ContainerBuilder Fuse => _root.Container.WithFuseOverlayRoot();

    [Fact]
    [Trait("vm", "brief")]
    public async Task Changes_stay_in_the_container_and_go_with_it()
    {
        Assert.Equal("fuse\noriginal\nchanged\nmade\n0 0\n", await _root.Sh(
            "awk '$2 == \"/\" { type = $3 } END { print type }' /proc/mounts; cat /etc/motd; echo changed > /etc/motd; cat /etc/motd; rm -r /var; mkdir /var; ls /bin/busybox > /dev/null && echo made > /var/made; cat /var/made; stat -c '%u %g' /etc/motd",
            _ => Fuse));

        Assert.Equal("original\n", File.ReadAllText(_root.Path + "/etc/motd"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_root.Path + "/var"));
        Assert.Empty(_root.Leftovers());
        Assert.Empty(Programs());
    }

    [Fact]
    [Trait("vm", "brief")]
    public async Task Program_is_not_seen_inside_holds_nothing_of_this_process_and_is_gone_afterwards()
    {
        using (Container container = Fuse.WithCommand("sleep", "1000").Start())
        {
            int program = Assert.Single(Programs());
            ContainerResult inside = await container.RunAsync("sh", "-c", "cat /proc/[0-9]*/comm; cat /proc/net/unix | wc -l");

            Assert.DoesNotContain("fuse-overlayfs", inside.Output, StringComparison.Ordinal);
            Assert.All(Descriptors(program), target => Assert.True(
                target is "/dev/null" or "/dev/fuse" || target.StartsWith(_root.Path, StringComparison.Ordinal) || target.StartsWith(_root.Store, StringComparison.Ordinal) || target.StartsWith("pipe:", StringComparison.Ordinal), target));
            Assert.InRange(Descriptors(program).Length, 7, 10); // 0 to 2, /dev/fuse, the directory, two of its changes, what is open inside, and a pipe of its own
            Assert.Contains("NoNewPrivs:\t1", File.ReadAllLines($"/proc/{program}/status"));
            if (Environment.UserName != "root")
            {
                Assert.Equal(Namespace(container.Pid, "user"), Namespace(program, "user"));
            }

            foreach (string kind in new[] { "mnt", "pid", "net" })
            {
                Assert.NotEqual(Namespace(container.Pid, kind), Namespace(program, kind));
            }
        }

        Assert.Empty(Programs());
        Assert.Empty(_root.Leftovers());
    }

    [Fact]
    public void Every_step_that_fails_is_named_and_nothing_is_left()
    {
        int steps = 0, failed = 0;
        for (int step = 0; step == 0 || step < steps; step++)
        {
            ContainerLauncher.Intercept.Value = plan =>
            {
                steps = plan.Program.Count;
                plan.Program.Sabotage(step);
            };
            try
            {
                using Container container = Fuse.WithCommand("true").Start();
            }
            catch (LaunchException)
            {
                failed++;
            }
            finally
            {
                ContainerLauncher.Intercept.Value = null;
            }

            Assert.Empty(Programs());
            Assert.Empty(_root.Leftovers());
        }

        Assert.InRange(failed, 60, steps);
    }

    [Fact]
    public void Program_that_is_stopped_does_not_keep_a_container_from_being_killed()
    {
        using Container container = Fuse.WithCommand("sh", "-c", "while :; do cat /bin/busybox > /tmp/copy; done").Start();
        Signal(Assert.Single(Programs()), 19 /* SIGSTOP */);

        Stopwatch watch = Stopwatch.StartNew();
        container.Kill();
        Assert.Equal(ExitReason.Killed, container.Wait().Reason);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Program_that_is_killed_leaves_a_root_that_answers_no_more()
    {
        using Container container = Fuse.WithCommand("sleep", "1000").Start();
        int program = Assert.Single(Programs());
        Signal(program, Kernel.SIGKILL);
        Assert.True(SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{program}/stat").Contains(") Z ", StringComparison.Ordinal), TimeSpan.FromSeconds(20)));

        await Assert.ThrowsAnyAsync<ContainerException>(() => container.RunAsync("cat", "/etc/motd")); // it may have ended by now: its own program is no more to be had
    }

    [Fact]
    public void Directory_that_it_would_take_for_two_is_an_error()
    {
        string directory = _root["one:two"];
        Tool.Bash($"cp -a {_root.Path} {directory}");

        ContainerException error = Assert.Throws<ContainerException>(() => _root.From(directory).WithFuseOverlayRoot().WithCommand("true").Start());

        Assert.Contains(directory, error.Message, StringComparison.Ordinal);
        Assert.Empty(Programs());
        Assert.Empty(_root.Leftovers());
        Tool.Run("rm", "-r", directory);
    }

    [Fact]
    public async Task Directory_with_a_comma_is_one()
    {
        string directory = _root["one,two"];
        Tool.Bash($"cp -a {_root.Path} {directory}; echo comma > {directory}/etc/motd");

        Assert.Equal("comma\n", await _root.Sh("cat /etc/motd", _ => _root.From(directory).WithFuseOverlayRoot()));
        Tool.Run("rm", "-r", directory);
    }

    [Fact]
    public void Explanation_has_the_program()
        => Assert.Contains("fuse-overlayfs -o lowerdir=" + _root.Path, Fuse.WithCommand("true").Explain(), StringComparison.Ordinal);

    [Fact]
    public async Task Mounts_of_the_host_s_own_are_taken_down_again()
    {
        Requires.Root();
        Assert.Equal("changed\n", await _root.Sh("echo changed > /etc/motd; cat /etc/motd", _ => Fuse.WithHostMountNs()));
        Assert.DoesNotContain(File.ReadAllLines("/proc/self/mountinfo"), mount => mount.Contains(_root.Store, StringComparison.Ordinal));
        Assert.Empty(_root.Leftovers());
    }

    [Fact]
    public void Users_of_root_s_have_other_ways()
    {
        Requires.Root();
        ContainerException error = Assert.Throws<ContainerException>(() => Fuse.WithUserNs().WithCommand("true").Start());
        Assert.Contains("WithCopiedRoot()", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("vm", "brief")]
    public void Kernel_that_has_no_overlay_for_a_user_names_both_ways_out()
    {
        Assert.SkipWhen(BusyboxRoot.Overlays, "this test needs a user and a kernel that has no overlay for it: before Linux 5.11");

        LaunchException error = Assert.Throws<LaunchException>(() => _root.Container.WithOverlayRoot().WithCommand("true").Start());

        Assert.Contains("WithCopiedRoot()", error.Hint, StringComparison.Ordinal);
        Assert.Contains("and WithFuseOverlayRoot()", error.Hint, StringComparison.Ordinal);
    }

    // Children of this process, with what ended and was not waited for.
    private static int[] Programs()
        => [.. Directory.EnumerateDirectories("/proc/self/task").SelectMany(thread => File.ReadAllText(thread + "/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(int.Parse)
            .Where(child => File.ReadAllText($"/proc/{child}/comm") == "fuse-overlayfs\n")];

    private static string[] Descriptors(int process)
        => [.. Directory.EnumerateFiles($"/proc/{process}/fd").Select(path => new FileInfo(path).LinkTarget!)];

    private static string Namespace(int process, string kind) => new FileInfo($"/proc/{process}/ns/{kind}").LinkTarget!;

    private static void Signal(int process, int signal)
    {
        using PidHandle handle = new((int)Kernel.Check(Kernel.pidfd_open(process), "pidfd_open"));
        handle.Signal(signal);
    }
}
