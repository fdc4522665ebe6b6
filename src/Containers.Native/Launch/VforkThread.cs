using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Containers.Native;

/// <summary>
/// A thread that clones a child with CLONE_VFORK and sleeps in the kernel until it executes, while others go on. The child
/// has this process's memory until then, and so does it for the OOM killer: in a cgroup at its limit it would be the
/// greatest process of all, and to kill it is to kill all who share its memory, this process first. The kernel spares a
/// child of vfork: mm/oom_kill.c, in_vfork().
/// </summary>
/// <remarks>As many threads as children were on their way at once. They do not end: a child dies with the thread that cloned it.</remarks>
internal sealed unsafe class VforkThread
{
    private static readonly ConcurrentBag<VforkThread> s_idle = [];

    private readonly uint* _asked = (uint*)NativeMemory.AllocZeroed(sizeof(uint)); // for ever, as the thread is
    private StepProgram? _program;
    private ulong _flags;
    private int _cgroup;

    private VforkThread() => new Thread(Serve, 256 * 1024) { IsBackground = true, Name = "containers-vfork" }.Start();

    /// <summary>Clones a child, and returns when it is there.</summary>
    /// <returns>Its pid, or -errno.</returns>
    public static long Clone(StepProgram program, ulong flags, int cgroup)
    {
        program.Vfork = true;
        VforkThread thread = s_idle.TryTake(out VforkThread? idle) ? idle : new VforkThread();
        thread._program = program;
        thread._flags = flags | Kernel.CLONE_VFORK;
        thread._cgroup = cgroup;
        Volatile.Write(ref *thread._asked, 1);
        Kernel.futex_wake(thread._asked);
        while (Volatile.Read(ref *program.PidWord) == 0)
        {
            Kernel.futex_wait(program.PidWord, 0);
        }

        return (int)Volatile.Read(ref *program.PidWord);
    }

    private void Serve()
    {
        while (true)
        {
            while (Volatile.Read(ref *_asked) == 0)
            {
                Kernel.futex_wait(_asked, 0);
            }

            Volatile.Write(ref *_asked, 0);
            StepProgram program = _program!;
            _program = null;
            Launcher.Clone(program, _flags, _cgroup); // what came of it stands in the program, which is not ours any more
            s_idle.Add(this);
        }
    }
}
