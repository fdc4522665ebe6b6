namespace Containers.Native;

/// <summary>
/// The thread that clones for all others. A child asks to be killed when its parent dies, and to the kernel the parent is
/// the thread (prctl(2), PR_SET_PDEATHSIG): a thread of the pool would take its containers with it when it retires.
/// </summary>
internal static unsafe class LaunchThread
{
    private static readonly Lock s_one = new();
    private static readonly uint* s_word = (uint*)System.Runtime.InteropServices.NativeMemory.AllocZeroed(2, sizeof(uint));
    private static StepProgram? s_program;
    private static ulong s_flags;
    private static int s_cgroup;
    private static long s_result;

    [ThreadStatic]
    private static int t_isMain; // 0: not looked yet, 1: yes, -1: no

    // Started with the first request, never ended: it is a background thread and does not keep the process.
    private static readonly Thread s_thread = Start();

    private const uint Idle = 0, Asked = 1, Answered = 2;

    /// <summary>The thread the process began with lives as long as the process does, and need not ask another one.</summary>
    public static bool IsMainThread
    {
        get
        {
            if (t_isMain == 0)
            {
                t_isMain = Kernel.Call(SystemCall.gettid) == Kernel.Call(SystemCall.getpid) ? 1 : -1;
            }

            return t_isMain == 1;
        }
    }

    public static long Clone(StepProgram program, ulong flags, int cgroup)
    {
        lock (s_one)
        {
            GC.KeepAlive(s_thread);
            s_program = program;
            s_flags = flags;
            s_cgroup = cgroup;
            Volatile.Write(ref *s_word, Asked);
            Kernel.futex_wake(s_word);
            while (Volatile.Read(ref *s_word) == Asked)
            {
                Kernel.futex_wait(s_word, Asked);
            }

            Volatile.Write(ref *s_word, Idle);
            s_program = null;
            return s_result;
        }
    }

    private static Thread Start()
    {
        Thread thread = new(Serve, 256 * 1024) { IsBackground = true, Name = "containers-launch" };
        thread.Start();
        return thread;
    }

    private static void Serve()
    {
        while (true)
        {
            uint now = Volatile.Read(ref *s_word);
            if (now != Asked)
            {
                Kernel.futex_wait(s_word, now);
                continue;
            }

            s_result = Launcher.Clone(s_program!, s_flags, s_cgroup);
            Volatile.Write(ref *s_word, Answered);
            Kernel.futex_wake(s_word);
        }
    }
}
