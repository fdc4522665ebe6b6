using BenchmarkDotNet.Attributes;
using Containers.Native;

namespace Containers.Benchmarks.HotPath;

/// <summary>An overlay mounted in a new mount namespace, and gone with it; beside a namespace with nothing mounted.</summary>
public unsafe class OverlayBenchmarks
{
    private WorkFolder _work = null!;
    private StepProgram _empty = null!;
    private StepProgram _overlay = null!;

    /// <summary>How many lower directories.</summary>
    [Params(1, 10, 100)]
    public int Layers { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _work = new WorkFolder();
        _empty = new StepProgram();
        MakePrivate(_empty);
        _empty.Add(SystemCall.exit_group, 0);
        _overlay = new StepProgram();
        MakePrivate(_overlay);
        MountOverlay();
        _overlay.Add(SystemCall.exit_group, 0);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _empty.Dispose();
        _overlay.Dispose();
        _work.Dispose();
    }

    [Benchmark(Baseline = true, Description = "mount namespace")]
    public int MountNamespace() => StepPrograms.Run(_empty, Kernel.CLONE_NEWNS);

    [Benchmark(Description = "mount namespace, overlay")]
    public int Overlay() => StepPrograms.Run(_overlay, Kernel.CLONE_NEWNS);

    private static void MakePrivate(StepProgram program)
        => program.Add(SystemCall.mount, 0, StepProgram.Constant("/"), 0, Kernel.MS_REC | Kernel.MS_PRIVATE, 0);

    private void MountOverlay()
    {
        string upper = Directory.CreateDirectory(_work.In("upper")).FullName;
        string work = Directory.CreateDirectory(_work.In("work")).FullName;
        Slot context = _overlay.NewSlot(), mount = _overlay.NewSlot();
        _overlay.Add(SystemCall.fsopen, StepProgram.Constant("overlay"), Kernel.FSOPEN_CLOEXEC).Into(context);
        for (int i = 0; i < Layers; i++)
        {
            Option("lowerdir+", Directory.CreateDirectory(_work.In($"layer-{i}")).FullName);
        }

        Option("upperdir", upper);
        Option("workdir", work);
        _overlay.Add(SystemCall.fsconfig, context, Kernel.FSCONFIG_SET_FLAG, _overlay.Text("volatile"), 0, 0);
        _overlay.Add(SystemCall.fsconfig, context, Kernel.FSCONFIG_CMD_CREATE, 0, 0, 0);
        _overlay.Add(SystemCall.fsmount, context, Kernel.FSMOUNT_CLOEXEC, 0).Into(mount);
        _overlay.Add(SystemCall.move_mount, mount, _overlay.Text(""), Kernel.AT_FDCWD, _overlay.Text(upper), Kernel.MOVE_MOUNT_F_EMPTY_PATH);

        // A volatile overlay leaves a mark in its work directory and is not mounted over one again: the next run needs it gone.
        Remove($"{work}/work/incompat/volatile/dirty", 0);
        Remove($"{work}/work/incompat/volatile", Kernel.AT_REMOVEDIR);
        Remove($"{work}/work/incompat", Kernel.AT_REMOVEDIR);

        void Option(string key, string value) => _overlay.Add(SystemCall.fsconfig, context, Kernel.FSCONFIG_SET_STRING, _overlay.Text(key), _overlay.Text(value), 0);
        void Remove(string path, int flags) => _overlay.Add(SystemCall.unlinkat, Kernel.AT_FDCWD, _overlay.Text(path), flags);
    }
}
