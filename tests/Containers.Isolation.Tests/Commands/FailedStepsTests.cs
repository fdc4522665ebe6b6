using Containers.Launch;
using Xunit;

namespace Containers.Tests.Commands;

/// <summary>Each step of a start with an init and a terminal made to fail, one by one.</summary>
public sealed class FailedStepsTests(BusyboxRoot root) : IClassFixture<BusyboxRoot>
{
    private static readonly ExecOptions s_terminal = new() { Terminal = new TerminalSize(80, 24) };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_step_that_fails_is_named_and_nothing_is_left(bool users)
    {
        ContainerBuilder full = root.Container.WithInit().WithTerminal().WithUser("worker").WithCommand("true");
        full = users ? full.WithUserNs(new IdMap(0, 300000, 65536)) : full;
        int steps = 0, failed = 0;
        for (int step = 0; step == 0 || step < steps; step++)
        {
            string operation = "";
            ContainerLauncher.Intercept.Value = plan =>
            {
                steps = plan.Program.Count + plan.Inside!.Program.Count;
                (LaunchPlan of, int at) = step < plan.Program.Count ? (plan, step) : (plan.Inside, step - plan.Program.Count);
                operation = of.Operations[(int)of.Program[at].Operation].Name;
                of.Program.Sabotage(at);
            };
            try
            {
                using Container container = full.Start(); // where the program leaves the step out
            }
            catch (LaunchException error)
            {
                failed++;
                Assert.Equal(operation, error.Step);
            }
            finally
            {
                ContainerLauncher.Intercept.Value = null;
            }

            Assert.Empty(root.Leftovers());
        }

        Assert.InRange(failed, steps - 40, steps);
        using Container works = full.Start();
        Assert.True(works.Wait().IsSuccess);
    }

    [Fact]
    public async Task So_is_one_of_a_further_process()
    {
        await using Container container = await root.Container.WithInit().WithCommand("sleep", "1000").StartAsync(TestContext.Current.CancellationToken);
        int steps = 0, failed = 0;
        for (int step = 0; step == 0 || step < steps; step++)
        {
            ContainerJoiner.Intercept.Value = plan =>
            {
                steps = plan.Outside.Program.Count + plan.Inside.Program.Count;
                (LaunchPlan of, int at) = step < plan.Outside.Program.Count ? (plan.Outside, step) : (plan.Inside, step - plan.Outside.Program.Count);
                of.Program.Sabotage(at);
            };
            try
            {
                using ContainerExec exec = container.Exec(["true"], s_terminal, TestContext.Current.CancellationToken);
            }
            catch (LaunchException)
            {
                failed++;
            }
            finally
            {
                ContainerJoiner.Intercept.Value = null;
            }
        }

        Assert.InRange(failed, steps - 30, steps);
        Assert.Equal("/dev/pts/0\r\n", (await container.RunAsync(["tty"], s_terminal, cancellationToken: TestContext.Current.CancellationToken)).Output);
        Assert.Equal("0\n", (await container.RunAsync("sh", "-c", "ls /dev/pts | grep -vc ptmx; true")).Output);
    }
}
