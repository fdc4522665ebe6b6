using System.Diagnostics;
using Containers.Native;
using Xunit;

namespace Containers.Tests.Launch;

public sealed unsafe class StepProgramTests : IClassFixture<HostState>
{
    [Fact]
    public void Child_executes_what_the_last_step_says()
    {
        using StepProgram program = new();
        program.Add(SystemCall.execve, program.Text("/bin/sh"), program.Texts(["sh", "-c", "exit 7"]), program.Texts([]));

        Assert.Equal((true, 7), Run(program));
    }

    [Fact]
    public void Failed_step_is_told_by_index_and_errno()
    {
        using StepProgram program = new();
        program.Add(SystemCall.getpid);
        program.Add(SystemCall.chdir, program.Text("/no such directory"));
        program.Add(SystemCall.getpid);

        Assert.Equal((false, 127), Run(program));
        Assert.Equal(1, program.Failed);
        Assert.Equal(-(long)Errno.ENOENT, program[1].Result);
        Assert.Equal(0ul, program[2].Ended);
    }

    [Fact]
    public void Tolerated_errno_lets_the_program_go_on()
    {
        using StepProgram program = new();
        program.Add(SystemCall.chdir, program.Text("/no such directory")).Tolerate(Errno.EACCES, Errno.ENOENT);
        program.Add(SystemCall.exit_group, 3);

        Assert.Equal((true, 3), Run(program));
    }

    [Fact]
    public void Result_of_a_step_is_an_argument_of_a_later_one()
    {
        using StepProgram program = new();
        Slot pid = program.NewSlot();
        program.Add(SystemCall.getpid).Into(pid);
        program.Add(SystemCall.kill, pid, Kernel.SIGTERM);
        program.Add(SystemCall.rt_sigprocmask, Kernel.SIG_SETMASK, program.Data(0UL), 0, 8);
        program.Add(SystemCall.exit_group, 1);

        Assert.Equal((true, 128 + Kernel.SIGTERM), Run(program)); // blocked until the third step unblocks it
    }

    [Theory]
    [InlineData("/", 10)]
    [InlineData("/no such directory", 20)]
    public void Steps_are_left_out_on_success_or_on_a_tolerated_errno(string path, int expected)
    {
        using StepProgram program = new();
        program.Add(SystemCall.chdir, program.Text(path)).Tolerate(Errno.ENOENT).SkipOnSuccess(1).SkipOnError(0);
        program.Add(SystemCall.exit_group, 20);
        program.Add(SystemCall.exit_group, 10);

        Assert.Equal((true, expected), Run(program));

        using StepProgram other = new();
        other.Add(SystemCall.chdir, other.Text(path)).Tolerate(Errno.ENOENT).SkipOnError(1);
        other.Add(SystemCall.exit_group, 10);
        other.Add(SystemCall.exit_group, 20);

        Assert.Equal((true, expected), Run(other));
    }

    [Fact]
    public void Result_above_zero_can_be_a_failure()
    {
        using StepProgram program = new();
        program.Add(SystemCall.getpid).ExpectZero();

        Assert.Equal((false, 127), Run(program));
        Assert.Equal(-(long)Errno.ESRCH, program[0].Result);
    }

    [Fact]
    public void Child_waits_at_each_gate_until_it_is_opened()
    {
        using StepProgram program = new();
        int* pipe = stackalloc int[2];
        Kernel.Check(Kernel.pipe2(pipe, 0), "pipe2");
        using PathHandle read = new(pipe[0]);
        using PathHandle write = new(pipe[1]);
        byte* text = program.Text("ab");
        program.Add(SystemCall.write, write.Descriptor, text, 1);
        program.AddGate(0);
        program.AddGate(1);
        program.Add(SystemCall.write, write.Descriptor, text + 1, 1);
        program.Add(SystemCall.exit_group, 0);

        LaunchedChild child = Launcher.Launch(program, 0);
        byte* buffer = stackalloc byte[2];
        Assert.Equal(1, Kernel.read(read.Descriptor, buffer, 2));
        child.Open(1);
        Assert.False(child.Handle.TryReap(out _, out _));
        Assert.Equal((byte)'a', buffer[0]);
        child.Open(0);
        Assert.Equal(1, Kernel.read(read.Descriptor, buffer, 2));
        Assert.Equal((byte)'b', buffer[0]);
        child.WaitForExec();
        End(child);
    }

    [Fact]
    public void Child_that_waits_at_a_gate_can_be_killed()
    {
        using StepProgram program = new();
        program.AddGate(0);
        program.Add(SystemCall.exit_group, 0);

        LaunchedChild child = Launcher.Launch(program, 0);
        Assert.True(child.Handle.Signal(Kernel.SIGKILL));
        child.WaitForExec();

        Assert.Equal(128 + Kernel.SIGKILL, End(child));
    }

    [Fact]
    public void Clone3_that_is_refused_is_an_error_that_says_so()
    {
        using StepProgram program = new();
        program.Add(SystemCall.exit_group, 0);

        KernelException error = Assert.Throws<KernelException>(() => Launcher.Launch(program, 0x8000_0000_0000_0000, "something"));

        Assert.Equal(Errno.EINVAL, error.Errno);
        Assert.StartsWith("clone3 \"something\": EINVAL (Invalid argument).", error.Message);
    }

    [Fact]
    public void Text_that_does_not_fit_into_the_block_is_kept_elsewhere()
    {
        using StepProgram program = new();
        string[] environment = [.. Enumerable.Range(0, 3000).Select(i => $"V{i}=" + new string('x', 100))];
        program.Add(SystemCall.execve, program.Text("/bin/sh"), program.Texts(["sh", "-c", "[ ${#V2999} = 100 ] && exit 5"]), program.Texts(environment));

        Assert.Equal((true, 5), Run(program));
    }

    [Fact]
    public void Many_threads_start_children_at_once()
    {
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            using StepProgram program = new();
            program.Add(SystemCall.exit_group, i % 100);
            Assert.Equal((true, i % 100), Run(program));
        });
    }

    [Fact]
    public void Child_of_a_thread_that_ends_lives_on()
    {
        using StepProgram program = new();
        program.Add(SystemCall.prctl, Kernel.PR_SET_PDEATHSIG, Kernel.SIGKILL);
        program.AddGate(0);
        program.Add(SystemCall.exit_group, 4);
        LaunchedChild? child = null;
        Thread thread = new(() => child = Launcher.Launch(program, 0));
        thread.Start();
        thread.Join();

        child!.Open(0);
        child.WaitForExec();
        Assert.Equal(4, End(child));
    }

    [Fact]
    public void Host_is_dumpable_again_after_a_child_changed_its_user()
    {
        Requires.Root();
        using StepProgram program = new();
        program.Add(SystemCall.setresuid, 65534, 65534, 65534);
        program.Add(SystemCall.exit_group, 0);
        long before = Kernel.prctl(Kernel.PR_GET_DUMPABLE);

        Run(program);

        Assert.Equal(1, before);
        Assert.Equal(before, Kernel.prctl(Kernel.PR_GET_DUMPABLE));
    }

    [Fact]
    public void Start_costs_the_same_with_a_large_heap()
    {
        // Not a time but what makes the time: no page table is copied, so the child causes no page faults in the host.
        byte[] heap = GC.AllocateUninitializedArray<byte>(256 << 20);
        heap.AsSpan().Fill(1);
        long before = Faults();
        for (int i = 0; i < 20; i++)
        {
            using StepProgram program = new();
            program.Add(SystemCall.exit_group, 0);
            Run(program);
        }

        heap.AsSpan().Fill(2); // after a fork, each of these pages would have to be copied: 65,536 faults
        Assert.InRange(Faults() - before, 0, 20_000);
        GC.KeepAlive(heap);

        static long Faults() => long.Parse(File.ReadAllText("/proc/self/stat").Split(' ')[9]);
    }

    private static (bool Executed, int Status) Run(StepProgram program)
    {
        LaunchedChild child = Launcher.Launch(program, 0);
        bool executed = child.WaitForExec();
        return (executed, End(child));
    }

    private static int End(LaunchedChild child)
    {
        using PidHandle handle = child.Handle;
        handle.WaitForExit();
        Assert.True(handle.TryReap(out int code, out bool signaled));
        return signaled ? 128 + code : code;
    }
}
