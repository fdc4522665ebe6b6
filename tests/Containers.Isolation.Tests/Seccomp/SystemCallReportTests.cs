using Containers.Native.Seccomp;
using Xunit;

namespace Containers.Tests.Seccomp;

/// <summary>Which system calls are refused, told without an audit log; and profiles that are learned.</summary>
[Trait("vm", "yes")]
public sealed class SystemCallReportTests : IClassFixture<BusyboxRoot>
{
    private readonly BusyboxRoot _root;

    public SystemCallReportTests(BusyboxRoot root)
    {
        _root = root;
        Requires.Tools("gcc");
        if (!File.Exists(root.Path + "/bin/calls"))
        {
            Tool.Run("gcc", "-O1", "-D_GNU_SOURCE", "-static", "-o", root.Path + "/bin/calls", Path.Combine(AppContext.BaseDirectory, "Seccomp/calls.c"));
            Tool.Run("gcc", "-O1", "-nostdlib", "-ffreestanding", "-static", "-o", root.Path + "/bin/bare", Path.Combine(AppContext.BaseDirectory, "Seccomp/bare.c"));
        }
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("vm", "brief")]
    public async Task Refused_calls_are_told_with_count_process_and_arguments_and_answered_as_before()
    {
        string script = $"calls {Number("unshare")} 0x10000000; calls {Number("unshare")} 0x20000; calls {Number("keyctl")} 11 22 33 44 55; calls {Number("clone3")}; calls {Number("getppid")}";
        ContainerResult result = await Run(_root.Container.WithSystemCallReport(), script);

        Assert.Equal("EPERM\nEPERM\nEPERM\nENOSYS\ndone\n", result.Output);
        SystemCallReport report = result.SystemCallReport!;
        SystemCallDenial unshare = report.Denied.Single(denial => denial.Name == "unshare");
        Assert.Equal((Errno.EPERM, 2, "calls", 0x20000UL), (unshare.Errno, unshare.Count, unshare.ProcessName, unshare.Arguments[0]));
        Assert.True(unshare.ProcessId > 2); // as the host counts
        Assert.Equal([11, 22, 33, 44, 55], report.Denied.Single(denial => denial.Name == "keyctl").Arguments.Take(5));
        Assert.Equal(Errno.ENOSYS, report.Denied.Single(denial => denial.Name == "clone3").Errno);
        Assert.Equal(3, report.Denied.Count);
        Assert.Empty(report.Made);
        Assert.Null(report.ProposedProfile);
        Assert.False(report.EndedBySeccomp);
        Assert.Contains("2 x  unshare(0x20000, 0, 0, 0, 0, 0): EPERM, by calls (", report.ToString());
    }

    [Fact]
    public async Task Every_refusal_of_many_processes_at_once_is_counted()
    {
        ContainerResult result = await Run(_root.Container.WithSystemCallReport(), $"for p in 1 2 3 4; do calls repeat 500 {Number("keyctl")} & done; wait");

        Assert.Equal(2000, result.SystemCallReport!.Denied.Single().Count);
    }

    [Fact]
    public async Task Command_that_a_call_has_ended_is_told()
    {
        SeccompProfile profile = SeccompProfile.Default.With(SeccompAction.KillProcess, "keyctl");
        ContainerResult result = await _root.Container.WithSystemCallReport().WithSeccomp(profile).WithCommand("calls", $"{Number("keyctl")}").RunAsync(cancellationToken: Cancellation);

        Assert.Equal(31, result.Exit.Signal);
        Assert.True(result.SystemCallReport!.EndedBySeccomp);
        Assert.Contains("ended the command", result.SystemCallReport.ToString());
    }

    [Fact]
    public async Task Profile_need_not_allow_what_the_library_waits_by()
    {
        SeccompProfile profile = SeccompProfile.DenyAll().Allow("execve", "exit_group"); // no futex, no clock_gettime
        await using Container container = _root.Container.WithSystemCallReport().WithSeccomp(profile).WithCommand("/bin/bare").Start();

        Assert.Equal(7, (await container.WaitAsync(Cancellation)).ExitCode);
        Assert.Empty(container.GetSystemCallReport().Denied);
    }

    [Theory]
    [InlineData(SystemCallWatch.Report)]
    [InlineData(SystemCallWatch.Learn)]
    public async Task Container_is_watched_also_where_privileges_can_be_gained(SystemCallWatch watch)
    {
        ContainerBuilder container = _root.Container.WithNewPrivileges();
        container = watch == SystemCallWatch.Learn ? container.WithSystemCallLearning() : container.WithSystemCallReport();
        ContainerResult result = await Run(container, $"grep NoNewPrivs /proc/self/status; calls {Number("keyctl")}");

        Assert.Equal("NoNewPrivs:\t0\nEPERM\n", result.Output);
        Assert.Equal("keyctl", result.SystemCallReport!.Denied.Single().Name);
    }

    [Theory]
    [InlineData(SystemCallWatch.Report)]
    [InlineData(SystemCallWatch.Learn)]
    public async Task Processes_that_join_are_watched_each_by_its_own_listener(SystemCallWatch watch)
    {
        ContainerBuilder builder = _root.Container.WithCommand("sleep", "1000");
        await using Container container = (watch == SystemCallWatch.Learn ? builder.WithSystemCallLearning() : builder.WithSystemCallReport()).Start();
        ContainerExec[] execs = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => container.ExecAsync(["calls", $"{Number("keyctl")}", "7"], cancellationToken: Cancellation)));
        foreach (ContainerExec exec in execs)
        {
            await using (exec)
            {
                Assert.Equal("EPERM\n", await exec.ReadOutputAsync(Cancellation));
                Assert.Equal(0, (await exec.WaitAsync(Cancellation)).ExitCode);
            }
        }

        SystemCallReport report = container.GetSystemCallReport();
        Assert.Equal(("keyctl", 4, 7UL), (report.Denied.Single().Name, report.Denied[0].Count, report.Denied[0].Arguments[0]));
        Assert.Equal(watch == SystemCallWatch.Learn, report.Made.ContainsKey("write"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("vm", "brief")]
    public async Task Command_of_another_user_is_watched(bool noNewPrivileges)
    {
        ContainerBuilder container = _root.Container.WithUser("worker").WithSystemCallReport();
        ContainerResult result = await Run(noNewPrivileges ? container : container.WithNewPrivileges(), $"id -u; calls {Number("keyctl")}");

        Assert.Equal("1000\nEPERM\n", result.Output);
        Assert.Equal("keyctl", result.SystemCallReport!.Denied.Single().Name);
    }

    [Fact]
    public async Task Container_that_is_disposed_while_it_is_refused_much_ends()
    {
        for (int i = 0; i < 10; i++)
        {
            Container container = _root.Container.WithSystemCallReport().WithCommand("calls", "repeat", "1000000000", $"{Number("keyctl")}").Start();
            Assert.True(SpinWait.SpinUntil(() => container.GetSystemCallReport().Denied.Count > 0, TimeSpan.FromSeconds(30)));
            await container.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
            Assert.True(container.GetSystemCallReport().Denied[0].Count > 0);
        }

        Assert.True(SpinWait.SpinUntil(() => !Threads().Contains("containers-secco"), TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task Process_that_outlives_its_listener_is_answered_and_does_not_hang()
    {
        Directory.CreateDirectory(_root["left"]);
        string log = _root["left/log"];
        Container container = _root.Container.WithSystemCallReport().WithHostPidNs().WithBind(_root["left"], "/data")
            .WithCommand("sh", "-c", $"(while [ ! -e /data/stop ]; do calls {Number("keyctl")} >> /data/log; done; echo end >> /data/log) < /dev/null > /dev/null 2>&1 &").Start();
        try
        {
            await container.WaitAsync(Cancellation);
            Assert.True(SpinWait.SpinUntil(() => Log().Contains("EPERM"), TimeSpan.FromSeconds(30)));
            await container.DisposeAsync();
            Assert.True(SpinWait.SpinUntil(() => Log().Contains("ENOSYS"), TimeSpan.FromSeconds(30)));
        }
        finally
        {
            File.WriteAllText(_root["left/stop"], "");
            Assert.True(SpinWait.SpinUntil(() => Log().Contains("end"), TimeSpan.FromSeconds(30)));
        }

        string Log() => File.Exists(log) ? File.ReadAllText(log) : "";
    }

    [Fact]
    public void Report_is_refused_where_nothing_is_filtered_or_nothing_was_asked_for()
    {
        Assert.Contains("no seccomp profile", Assert.Throws<ContainerException>(() => _root.Container.WithoutSeccomp().WithSystemCallReport().WithCommand("true").Start()).Message);
        using Container container = _root.Container.WithCommand("true").Start();
        Assert.Contains("WithSystemCallReport", Assert.Throws<InvalidOperationException>(container.GetSystemCallReport).Message);
    }

    // Commands that do the same each time; a process that is killed on its way takes another way each time, of which a trial shows one.
    [Theory]
    [InlineData("true")]
    [InlineData("mkdir -p /x/y && echo hello > /x/y/z && cat /x/y/z && ls -l /x | wc -l && rm -r /x && date -u -d @0 && id && sleep 0.01 && head -c 100 /dev/urandom | wc -c")]
    [InlineData("trap 'echo caught' USR1; kill -USR1 $$; (exit 3); echo $?; sleep 0.01 & wait; seq 1000 | sort -n | tail -n 1 && tar cf - -C / etc | gzip | gunzip | tar tf - | wc -l")]
    public async Task Learned_profile_lets_the_same_command_run_also_from_a_document(string script)
    {
        ContainerResult trial = await Run(_root.Container.WithSystemCallLearning(), script);
        SeccompProfile proposal = trial.SystemCallReport!.ProposedProfile!;
        ContainerResult again = await Run(_root.Container.WithSeccomp(proposal).WithSystemCallReport(), script);
        ContainerResult document = await Run(_root.Container.WithSeccomp(SeccompProfile.FromJson(proposal.ToJson())), script);

        Assert.Equal((0, ""), (trial.ExitCode, trial.Error));
        Assert.Equal((0, trial.Output, ""), (again.ExitCode, again.Output, again.Error));
        Assert.Equal((0, trial.Output, ""), (document.ExitCode, document.Output, document.Error));
        Assert.Equal(trial.SystemCallReport.Denied.Select(denial => (denial.Name, denial.Errno)), again.SystemCallReport!.Denied.Select(denial => (denial.Name, denial.Errno)));
        Assert.InRange(trial.SystemCallReport.Made.Count, 5, 80);
        int allowed = SystemCallTable.Current.Names.Count(name => Decide(proposal, name) == SeccompReturn.ALLOW);
        Assert.InRange(allowed, 5, trial.SystemCallReport.Made.Count + 7); // two of the nine that chance decides about are made by every command
    }

    [Fact]
    public async Task Learned_profile_allows_what_is_made_or_not_by_chance()
    {
        // One call each, where a shell would wait for a child that may have ended already.
        ContainerResult trial = await _root.Container.WithSystemCallLearning().WithCommand("/bin/bare").RunAsync(cancellationToken: Cancellation);
        SeccompProfile proposal = trial.SystemCallReport!.ProposedProfile!;

        Assert.Equal(["execve", "exit_group"], trial.SystemCallReport.Made.Keys.Order());
        Assert.All((string[])["futex", "rt_sigprocmask", "rt_sigsuspend", "rt_sigreturn", "restart_syscall", "sched_yield"], name => Assert.Equal(SeccompReturn.ALLOW, Decide(proposal, name)));
        Assert.Equal(9, SystemCallTable.Current.Names.Count(name => Decide(proposal, name) == SeccompReturn.ALLOW));
    }

    [Fact]
    public async Task Learned_profile_allows_what_was_seen_and_no_more()
    {
        ContainerResult trial = await Run(_root.Container.WithSystemCallLearning(), $"calls {Number("socket")} 1 1 0; calls {Number("socket")} 0x100000001 2 0; calls {Number("socket")} 40 1 0; calls {Number("clone3")}");
        Assert.Equal("done\ndone\nEPERM\nENOSYS\n", trial.Output);
        SeccompProfile proposal = trial.SystemCallReport!.ProposedProfile!;

        Assert.Equal(SeccompReturn.ALLOW, Decide(proposal, "socket", 1, 2, 0));
        Assert.Equal(SeccompReturn.ERRNO | 1, Decide(proposal, "socket", 2, 1, 0));
        Assert.Equal(SeccompReturn.ERRNO | 1, Decide(proposal, "socket", 40, 1, 0));
        Assert.Equal(SeccompReturn.ERRNO | 38, Decide(proposal, "clone3")); // a libc goes by that
        Assert.Equal(SeccompReturn.ERRNO | 1, Decide(proposal, "mount"));
        Assert.Equal(SeccompReturn.ERRNO | 1, Decide(proposal, "clone", 0x10000000));
        Assert.Equal(2, trial.SystemCallReport.Made["socket"]);
        Assert.Equal(["clone3", "socket"], trial.SystemCallReport.Denied.Select(denial => denial.Name).Order());
    }

    [Fact]
    public async Task Profile_can_be_learned_where_nothing_is_refused()
    {
        ContainerResult trial = await Run(_root.Container.WithoutSeccomp().WithCapabilities(Capability.SysAdmin).WithSystemCallLearning(), $"calls {Number("unshare")} 0x20000");
        SeccompProfile proposal = trial.SystemCallReport!.ProposedProfile!;

        Assert.Equal("done\n", trial.Output);
        Assert.Equal(SeccompReturn.ALLOW, Decide(proposal, "unshare", 0x20000));
        Assert.Equal(SeccompReturn.ERRNO | 1, Decide(proposal, "unshare", 0x10000000));
    }

    private static uint Decide(SeccompProfile profile, string name, params ulong[] arguments)
    {
        seccomp_data call = new() { nr = Number(name), arch = SystemCallTable.Current.AuditArch };
        for (int i = 0; i < arguments.Length; i++)
        {
            Set(ref call, i, arguments[i]);
        }

        return BpfMachine.Run(profile.Compile(DefaultPolicy.Capabilities), call);

        static unsafe void Set(ref seccomp_data call, int index, ulong value) => call.args[index] = value;
    }

    private static int Number(string name) => SystemCallTable.Current.TryGetNumber(name, out int number) ? number : throw new ArgumentException(name);

    private static string[] Threads() => [.. Directory.EnumerateDirectories("/proc/self/task").Select(task => { try { return File.ReadAllText(task + "/comm").Trim(); } catch (IOException) { return ""; } })];

    private static Task<ContainerResult> Run(ContainerBuilder container, string script) => container.WithCommand("sh", "-c", script).RunAsync(cancellationToken: Cancellation);
}
