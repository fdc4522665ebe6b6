using Containers.Native;
using Containers.Native.Seccomp;
using Xunit;

namespace Containers.Tests.Seccomp;

/// <summary>What a filter does to a container's processes.</summary>
[Trait("vm", "yes")]
public sealed class FilterTests : IClassFixture<BusyboxRoot>
{
    private readonly BusyboxRoot _root;

    public FilterTests(BusyboxRoot root)
    {
        _root = root;
        Requires.Tools("gcc");
        if (!File.Exists(root.Path + "/bin/calls"))
        {
            Tool.Run("gcc", "-O1", "-D_GNU_SOURCE", "-static", "-o", root.Path + "/bin/calls", Path.Combine(AppContext.BaseDirectory, "Seccomp/calls.c"));
            Tool.Run("gcc", "-O1", "-nostdlib", "-ffreestanding", "-static", "-o", root.Path + "/bin/bare", Path.Combine(AppContext.BaseDirectory, "Seccomp/bare.c"));
        }
    }

    [Fact]
    [Trait("vm", "brief")]
    public async Task Container_is_filtered_by_default_and_not_when_it_is_said()
    {
        Assert.Equal("Seccomp:\t2\n", await _root.Sh("grep ^Seccomp: /proc/self/status"));
        Assert.Equal("Seccomp:\t0\n", await _root.Sh("grep ^Seccomp: /proc/self/status", container => container.WithoutSeccomp()));
    }

    [Theory]
    [InlineData("unshare", "EPERM", "0x10000000")]
    [InlineData("clone3", "ENOSYS", "")]
    [InlineData("keyctl", "EPERM", "")]
    [InlineData("add_key", "EPERM", "")]
    [InlineData("bpf", "EPERM", "")]
    [InlineData("userfaultfd", "EPERM", "")]
    [InlineData("io_uring_setup", "EPERM", "")]
    [InlineData("perf_event_open", "EPERM", "")]
    [InlineData("socket", "EPERM", "40 1 0")]
    [InlineData("socket", "EPERM", "38 5 0")]
    [InlineData("socket", "EPERM", "16 3 12")]
    [InlineData("ioctl", "EPERM", "0 0x100005412")]
    [InlineData("getppid", "done", "")]
    [InlineData("personality", "EPERM", "0x40000")]
    [InlineData("process_vm_readv", "EPERM", "1")]
    [InlineData("fsopen", "EPERM", "")]
    [InlineData("setns", "EPERM", "0")]
    [InlineData("open_by_handle_at", "EPERM", "")]
    [Trait("vm", "brief")]
    public async Task Call_is_answered(string name, string answer, string arguments)
    {
        Assert.True(SystemCallTable.Current.TryGetNumber(name, out int number));
        Assert.Equal(answer, (await _root.Sh($"calls {number} {arguments}")).Trim());
    }

    [Theory]
    [InlineData("i386")]
    [InlineData("x32")]
    [Trait("vm", "brief")]
    public async Task Call_of_another_architecture_ends_the_process(string kind)
    {
        ContainerResult result = await _root.Container.WithCommand("sh", "-c", $"calls {kind}; echo $?").RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        // SIGSYS; or SIGSEGV where the kernel was built without such programs (CONFIG_IA32_EMULATION), and knows no int $0x80.
        Assert.True(result.Output is "159\n" || (kind == "i386" && result.Output == "139\n"), result.Output);
    }

    [Fact]
    public async Task Profile_of_ones_own_holds()
    {
        SeccompProfile profile = SeccompProfile.Default.Deny(Errno.EOPNOTSUPP, "mkdir", "mkdirat").With(SeccompAction.KillProcess, "symlink", "symlinkat");

        Assert.Contains("not supported", await _root.Sh("mkdir /x 2>&1 || true", container => container.WithSeccomp(profile)));
        Assert.Equal("159\n", await _root.Sh("ln -s a b; echo $?", container => container.WithSeccomp(profile)));
    }

    [Fact]
    public async Task Filter_is_there_also_where_privileges_can_be_gained()
    {
        ContainerBuilder container = _root.Container.WithNewPrivileges();
        ContainerResult result = await container.WithCommand("sh", "-c", "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status").RunAsync(cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("NoNewPrivs:\t0\nSeccomp:\t2\n", result.Output);
    }

    [Fact]
    public void Profile_under_which_nothing_can_be_executed_is_refused_beforehand()
        => Assert.Contains("does not allow execve", Assert.Throws<ContainerException>(() => _root.Container.WithSeccomp(SeccompProfile.DenyAll().Allow("read")).WithCommand("true").Start()).Message);

    [Theory]
    [InlineData("EPERM")]
    [InlineData("kill")]
    public void Behind_the_filter_nothing_is_called_but_execve(string action)
    {
        // No futex, no clock_gettime, no rt_sigaction: the profile is about the command alone.
        SeccompProfile profile = SeccompProfile.DenyAll(action == "kill" ? SeccompAction.KillProcess : SeccompAction.Fail(Errno.EPERM)).Allow("execve", "exit_group");
        using Container container = _root.Container.WithSeccomp(profile).WithCommand("/bin/bare").Start();

        Assert.Equal(new ContainerExit(7, null), container.Wait());
        Assert.True(container.Timeline.Total > TimeSpan.Zero);
    }

    [Theory]
    [InlineData("EPERM")]
    [InlineData("kill")]
    public void Command_that_is_not_there_is_told_under_any_profile(string action)
    {
        SeccompProfile profile = SeccompProfile.DenyAll(action == "kill" ? SeccompAction.KillProcess : SeccompAction.Fail(Errno.EPERM)).Allow("execve", "exit_group");
        Assert.Throws<CommandNotFoundException>(() => _root.Container.WithSeccomp(profile).WithCommand("no-such-command").Start());
    }

    [Fact]
    public void Profile_that_allows_no_end_is_refused_beforehand()
        => Assert.Contains("does not allow exit_group", Assert.Throws<ContainerException>(() => _root.Container.WithSeccomp(SeccompProfile.DenyAll().Allow("execve")).WithCommand("/bin/bare").Start()).Message);

    [Fact]
    public void Profile_that_the_library_itself_would_run_into_is_refused_beforehand()
    {
        // Without no_new_privs the filter is there before privileges are dropped.
        ContainerBuilder container = _root.Container.WithNewPrivileges().WithSeccomp(SeccompProfile.Default.With(SeccompAction.KillProcess, "capset")).WithCommand("true");
        Assert.Contains("does not allow capset: \"drop privileges\" needs it", Assert.Throws<ContainerException>(() => container.Start()).Message);

        using Container allowed = _root.Container.WithSeccomp(SeccompProfile.Default.With(SeccompAction.KillProcess, "capset")).WithCommand("true").Start();
        Assert.True(allowed.Wait().IsSuccess);
    }

    [Fact]
    public async Task Profile_that_a_docker_host_has_can_be_used()
    {
        SeccompProfile profile = SeccompProfile.FromJson("""
            { "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
              "syscalls": [ { "names": ["mkdir", "mkdirat", "no_such_call_yet"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95, "args": [] },
                            { "names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [ { "index": 1, "value": 10, "op": "SCMP_CMP_EQ" } ] },
                            { "names": ["unlink", "unlinkat"], "action": "SCMP_ACT_ERRNO", "includes": { "caps": ["CAP_SYS_ADMIN"] } } ] }
            """);

        string output = await _root.Sh("mkdir /x 2>&1; kill -USR1 $$ 2>&1; kill -0 $$ && echo alive; : > f; rm f && echo removed; true", container => container.WithSeccomp(profile));
        Assert.Contains("not supported", output);
        Assert.Contains("not permitted", output);
        Assert.EndsWith("alive\nremoved\n", output);
    }
}
