namespace Containers.Native;

/// <summary>
/// Starts step programs. A child shares this process's memory until it executes a program of its own, so that starting
/// it costs the same in a small process and in one with a heap of gigabytes (fork copies page tables: 14 ms at 1 GB).
/// </summary>
internal static unsafe class Launcher
{
    private static readonly Lock s_dumping = new();
    private static int s_inFlight;
    private static long s_dumpable = -1;

    /// <summary>Clones a child that runs the program. Returns at once.</summary>
    /// <param name="program">Stays with the launch until it is over.</param>
    /// <param name="flags">CLONE_NEW… and CLONE_FILES.</param>
    /// <param name="operand">What is being started, for the error.</param>
    /// <param name="cgroup">The descriptor of a directory of cgroup v2 that the child is born in (CLONE_INTO_CGROUP, Linux 5.7); -1 for the host's own.</param>
    /// <param name="vfork">Whether the child is safe from the OOM killer until it executes, and this process with it: <see cref="VforkThread"/>.</param>
    /// <param name="deputy">Who clones the child, so that it is born in a user namespace; null for this process itself.</param>
    /// <exception cref="KernelException">clone3 failed: EPERM without CAP_SYS_ADMIN, ENOSPC past a limit on namespaces, EAGAIN past one on processes.</exception>
    public static LaunchedChild Launch(StepProgram program, ulong flags, string? operand = null, int cgroup = -1, bool vfork = false, Deputy? deputy = null)
    {
        if (Interlocked.Increment(ref s_inFlight) == 1)
        {
            Volatile.Write(ref s_dumpable, Kernel.prctl(Kernel.PR_GET_DUMPABLE));
        }

        *program.Alive = 1;
        // PR_SET_PDEATHSIG fires when the thread that cloned ends: it has to be one that lives as long as the process.
        long pid = deputy is not null ? deputy.Clone(program, Into(flags, cgroup), Math.Max(0, cgroup), vfork)
            : vfork ? VforkThread.Clone(program, flags, cgroup) : LaunchThread.IsMainThread ? Clone(program, flags, cgroup) : LaunchThread.Clone(program, flags, cgroup);
        if (pid < 0)
        {
            *program.Alive = 0;
            Over();
            throw new KernelException("clone3", operand, (Errno)(-pid), Hint((Errno)(-pid)));
        }

        return new LaunchedChild(program, (int)pid, new PidHandle(program.PidFd), Over);
    }

    internal static long Clone(StepProgram program, ulong flags, int cgroup)
        => Kernel.containers_launch(program.Address, Into(flags, cgroup), Kernel.SIGCHLD, Math.Max(0, cgroup));

    private static ulong Into(ulong flags, int cgroup) => cgroup < 0 ? flags : flags | Kernel.CLONE_INTO_CGROUP;

    /// <summary>
    /// Setting credentials in a child marks the memory it shares non-dumpable, and so this process: its /proc files would
    /// belong to root from then on. Put right when no child shares the memory, not before: until then it protects the
    /// child from being traced by its new user.
    /// </summary>
    internal static void Over()
    {
        lock (s_dumping)
        {
            long before = Volatile.Read(ref s_dumpable);
            if (Interlocked.Decrement(ref s_inFlight) == 0 && before is 0 or 1 && Kernel.prctl(Kernel.PR_GET_DUMPABLE) != before)
            {
                Kernel.prctl(Kernel.PR_SET_DUMPABLE, before);
            }
        }
    }

    /// <summary>
    /// Does something that a user other than root can do only while a child's files in /proc are this process's own: its maps
    /// are written there. A child on its way that sets credentials makes them root's at any moment; then it is done again.
    /// That such a child may be traced meanwhile harms nobody: where this process is not root, each is alone in a user namespace of its own.
    /// </summary>
    /// <param name="work">Returns whether it succeeded.</param>
    /// <returns>Whether it did.</returns>
    internal static bool WhileDumpable(Func<bool> work)
    {
        if (Kernel.geteuid() == 0)
        {
            return work();
        }

        lock (s_dumping)
        {
            long before = Kernel.prctl(Kernel.PR_GET_DUMPABLE);
            try
            {
                for (int attempt = 0; ; attempt++)
                {
                    Kernel.prctl(Kernel.PR_SET_DUMPABLE, 1);
                    if (work())
                    {
                        return true;
                    }

                    if (Kernel.prctl(Kernel.PR_GET_DUMPABLE) == 1 || attempt == 100)
                    {
                        return false;
                    }
                }
            }
            finally
            {
                if (before != 1)
                {
                    Kernel.prctl(Kernel.PR_SET_DUMPABLE, 0);
                }
            }
        }
    }

    private static string? Hint(Errno errno) => errno switch
    {
        Errno.EPERM => "Creating namespaces needs root (CAP_SYS_ADMIN).",
        Errno.ENOSPC or Errno.EUSERS => "A limit on namespaces is reached: see /proc/sys/user/max_*_namespaces.",
        Errno.EAGAIN => "A limit on processes is reached: RLIMIT_NPROC, or pids.max of the cgroup.",
        Errno.EINVAL or Errno.ENOSYS => "The kernel lacks something of clone3 that is needed here; Linux 5.10 has all of it (CLONE_NEWTIME: if CONFIG_TIME_NS is set).",
        _ => null,
    };
}

/// <summary>A child that still shares this process's memory, or just has stopped to.</summary>
/// <param name="program">What it runs.</param>
/// <param name="pid">Its number in this PID namespace.</param>
/// <param name="handle">Its pidfd.</param>
/// <param name="over">Called once, when the program is over.</param>
internal sealed unsafe class LaunchedChild(StepProgram program, int pid, PidHandle handle, Action? over = null)
{
    private bool _over;

    public int Pid => pid;

    public PidHandle Handle => handle;

    /// <summary>What the kernel answered to the last step that makes this call. For a child that waits at a gate behind it.</summary>
    public long ResultOf(SystemCall call)
    {
        for (int i = program.Count - 1; i >= 0; i--)
        {
            if (program[i].Call == call.Number && program[i].Ended != 0)
            {
                return program[i].Result;
            }
        }

        throw new InvalidOperationException($"The program has not called {call.Name}.");
    }

    /// <summary>Lets the child pass a gate.</summary>
    public void Open(int gate) => program.Open(gate);

    /// <summary>Waits until the child has come to a step that announces itself, or has ended before.</summary>
    /// <param name="which">The first announcement of the program is 1.</param>
    /// <returns>Whether it has come there.</returns>
    public bool WaitForAnnouncement(int which)
    {
        for (uint value = Volatile.Read(ref *program.Alive); value <= which; value = Volatile.Read(ref *program.Alive))
        {
            if (value == 0)
            {
                return false;
            }

            Kernel.futex_wait(program.Alive, value);
        }

        return true;
    }

    /// <summary>It shares the memory for good, and is not one of those that are on their way: it changes no credentials.</summary>
    internal void StandBy()
    {
        _over = true;
        Launcher.Over();
    }

    /// <summary>Waits until the child has executed a program of its own, or has ended.</summary>
    /// <returns>Whether it executed: false when a step failed, or a signal ended it before.</returns>
    public bool WaitForExec()
    {
        Futex.WaitForZero(program.Alive);

        if (!_over)
        {
            _over = true;
            over?.Invoke();
        }

        return program.Failed < 0;
    }
}
