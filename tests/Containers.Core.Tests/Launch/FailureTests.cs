using Containers.Launch;
using Xunit;

namespace Containers.Tests.Launch;

/// <summary>Each step of a full plan made to fail, one by one.</summary>
public sealed class FailureTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_step_that_fails_is_named_and_nothing_is_left(bool hostMounts)
    {
        Directory.CreateDirectory(root["data"]);
        ContainerBuilder full = root.Container.WithBind(root["data"], "/a/data", readOnly: true).WithTmpfs("/scratch", 1 << 20).WithReadOnlyRoot()
            .WithWorkingDirectory("/var").WithUser("worker").WithCommand("true");
        full = hostMounts ? full.WithHostMountNs() : full;
        int steps = 0, ran = 0, failed = 0;
        for (int step = 0; step == 0 || step < steps; step++)
        {
            bool sabotaged = false;
            string operation = "";
            ContainerLauncher.Intercept.Value = plan =>
            {
                steps = plan.Program.Count;
                operation = plan.Operations[(int)plan.Program[step].Operation].Name;
                plan.Program.Sabotage(step);
                sabotaged = true;
            };
            try
            {
                using Container container = full.Start();
                // A step that the program left out: a way to make a directory that was there, a second place in PATH.
                ran++;
            }
            catch (LaunchException error)
            {
                failed++;
                Assert.Equal(operation, error.Step);
                Assert.Equal(Errno.EBADF, error is CommandNotExecutableException or CommandNotFoundException ? Errno.EBADF : error.Errno);
            }
            finally
            {
                ContainerLauncher.Intercept.Value = null;
            }

            Assert.True(sabotaged);
            Assert.Empty(root.Leftovers());
            Assert.DoesNotContain(File.ReadAllLines("/proc/self/mountinfo"), mount => mount.Contains(root.Store, StringComparison.Ordinal));
        }

        Assert.InRange(failed, 120, steps);
        Assert.InRange(ran, 1, 40);
        using Container works = full.Start();
        Assert.True(works.Wait().IsSuccess);
    }

    [Fact]
    public void Step_that_fails_says_what_where_and_why()
    {
        ContainerLauncher.Intercept.Value = plan => plan.Program.Sabotage(Enumerable.Range(0, plan.Program.Count).First(i => plan.Operations[(int)plan.Program[i].Operation].Name == "mount proc on \"/proc\""));
        try
        {
            LaunchException error = Assert.Throws<LaunchException>(() => root.Container.WithCommand("true").Start());

            Assert.Equal("mount proc on \"/proc\": close: EBADF (Bad file descriptor).", error.Message);
            Assert.Equal("mount proc on \"/proc\"", error.Step);
        }
        finally
        {
            ContainerLauncher.Intercept.Value = null;
        }
    }
}
