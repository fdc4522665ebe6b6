using System.Diagnostics;
using BenchmarkDotNet.Attributes;
using Containers.Native;

namespace Containers.Benchmarks.HotPath;

/// <summary>What it costs to make a child, from nothing to a program that has ended.</summary>
public unsafe class CloneBenchmarks
{
    private const ulong AllNamespaces = Kernel.CLONE_NEWNS | Kernel.CLONE_NEWPID | Kernel.CLONE_NEWUTS | Kernel.CLONE_NEWIPC
        | Kernel.CLONE_NEWNET | Kernel.CLONE_NEWCGROUP;

    private WorkFolder _work = null!;
    private string _true = "";
    private StepProgram _exit = null!;
    private StepProgram _execute = null!;

    [GlobalSetup]
    public void Setup()
    {
        _work = new WorkFolder();
        _true = Path.Combine(BusyboxRoot.Build(_work.Path), "bin/true");
        _exit = new StepProgram();
        _exit.Add(SystemCall.exit_group, 0);
        _execute = new StepProgram();
        _execute.Add(SystemCall.close_range, 3, uint.MaxValue, Kernel.CLOSE_RANGE_UNSHARE | Kernel.CLOSE_RANGE_CLOEXEC);
        _execute.Add(SystemCall.rt_sigprocmask, Kernel.SIG_SETMASK, _execute.Data(0UL), 0, 8);
        _execute.Add(SystemCall.execve, _execute.Text(_true), _execute.Texts([_true]), _execute.Texts([]));
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _exit.Dispose();
        _execute.Dispose();
        _work.Dispose();
    }

    [Benchmark(Baseline = true, Description = "Process.Start")]
    public int ProcessStart()
    {
        using Process process = Process.Start(new ProcessStartInfo(_true) { UseShellExecute = false })!;
        process.WaitForExit();
        return process.ExitCode;
    }

    [Benchmark(Description = "clone, exit")]
    public int CloneExit() => StepPrograms.Run(_exit, 0);

    [Benchmark(Description = "clone, exec")]
    public int CloneExec() => StepPrograms.Run(_execute, Kernel.CLONE_FILES);

    [Benchmark(Description = "clone with six namespaces, exec")]
    public int CloneNamespacesExec() => StepPrograms.Run(_execute, Kernel.CLONE_FILES | AllNamespaces);
}
