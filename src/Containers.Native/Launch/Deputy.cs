namespace Containers.Native;

/// <summary>
/// A child in a user namespace of its own that does single system calls for this process. A .NET process has many threads,
/// and such a process can never enter a user namespace itself (setns(2)). The deputy shares this process's memory and its
/// descriptors, so that a call made there means what it would mean here, but for whose privileges it is made with: those of
/// the namespace's root. It also clones children that are born in the namespace, and are this process's (CLONE_PARENT).
/// </summary>
/// <remarks>
/// It is a program of two steps that goes round for ever: wait to be asked, make the call. It dies with this process. It has
/// all capabilities in its namespace and this process's memory, so it must be gone before anything untrusted runs there that
/// could see it.
/// </remarks>
internal sealed unsafe class Deputy : IDisposable
{
    private const int Back = -2; // from the call to the wait before it

    private static readonly Lazy<PidHandle> s_host = new(() => new PidHandle((int)Kernel.Check(Kernel.pidfd_open(Environment.ProcessId), "pidfd_open", "self")));

    private readonly Lock _one = new();
    private readonly StepProgram _program = new();
    private readonly LaunchedChild _child;
    private readonly uint* _asked;
    private readonly int _wait;
    private int _announced;
    private bool _disposed;

    private Deputy(ulong namespaces)
    {
        try
        {
            _program.AddDieWith(s_host.Value.Descriptor);
            _asked = _program.Data(0u);
            _wait = _program.Count;
            _program.Add(SystemCall.futex, _asked, Kernel.FUTEX_WAIT, 0L).Repeat().Tolerate(Errno.EAGAIN).Announce();
            _program.Add(SystemCall.gettid);
            StepProgram.Step* step = _program.At(_wait + 1);
            step->Flags = StepProgram.StepFlags.GoOn;
            step->Skip = step->SkipError = Back;
            _child = Launcher.Launch(_program, namespaces | Kernel.CLONE_FILES, "a user namespace");
            _child.StandBy();
            WaitUntilIdle();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Its process id.</summary>
    public int Pid => _child.Pid;

    /// <summary>Whether it can be asked: nothing has killed it.</summary>
    public bool IsAlive => !_disposed && Volatile.Read(ref *_program.Alive) != 0;

    /// <summary>Starts one. No ids are mapped in its namespace yet: that is done from outside, by /proc/PID/uid_map.</summary>
    /// <param name="namespaces">CLONE_NEW… beside CLONE_NEWUSER, which belong to the new user namespace.</param>
    /// <exception cref="KernelException">EPERM, ENOSPC, EUSERS: the host lets this user have no user namespace.</exception>
    public static Deputy Start(ulong namespaces = 0) => new(namespaces | Kernel.CLONE_NEWUSER);

    /// <summary>Makes a system call there. Descriptors and addresses are this process's.</summary>
    /// <returns>As the kernel gave it: -errno on failure.</returns>
    public long Call(SystemCall call, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0)
    {
        lock (_one)
        {
            Ask(call.Number, StepProgram.StepFlags.GoOn, a, b, c, d, e, f);
            WaitUntilIdle();
            return _program.At(_wait + 1)->Result;
        }
    }

    /// <summary>Makes a system call by a deputy; by this process itself where there is none.</summary>
    public static long Call(Deputy? deputy, SystemCall call, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0)
        => deputy is null ? Kernel.Call(call, a, b, c, d, e) : deputy.Call(call, a, b, c, d, e);

    /// <summary>Clones a child of this process that is born in the deputy's namespaces, with what the flags ask for besides.</summary>
    /// <returns>Its pid, or -errno.</returns>
    internal long Clone(StepProgram program, ulong flags, int cgroup, bool vfork)
    {
        program.Vfork = vfork;
        flags |= Kernel.CLONE_PARENT | (vfork ? Kernel.CLONE_VFORK : 0); // the exit signal is the deputy's own then, SIGCHLD
        lock (_one)
        {
            Ask(0, StepProgram.StepFlags.GoOn | StepProgram.StepFlags.Launch, (long)program.Address, (long)flags, 0, cgroup);
            if (!vfork)
            {
                WaitUntilIdle();
                return _program.At(_wait + 1)->Result;
            }

            // It sleeps until the child executes, and is asked for nothing more.
            while (Volatile.Read(ref *program.PidWord) == 0)
            {
                Kernel.futex_wait(program.PidWord, 0);
            }

            return (int)Volatile.Read(ref *program.PidWord);
        }
    }

    /// <summary>A namespace that it is in, which lives as long as the handle is open.</summary>
    /// <param name="kind">"user" or "net".</param>
    public NamespaceHandle OpenNamespace(string kind)
    {
        // Opened there: what this process may see of another one depends on more than is worth to depend on.
        fixed (byte* path = CString.Bytes("/proc/thread-self/ns/" + kind))
        {
            return new NamespaceHandle((int)Kernel.Check(Call(SystemCall.openat, Kernel.AT_FDCWD, (long)path, Kernel.O_RDONLY | Kernel.O_CLOEXEC), "open namespace", kind));
        }
    }

    /// <summary>Ends it, and returns when it has let go of this process's memory.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (_child is not null)
        {
            using PidHandle process = _child.Handle;
            process.Signal(Kernel.SIGKILL);
            _child.WaitForExec();
            process.WaitForExit();
            process.TryReap(out _, out _);
        }

        _program.Dispose();
    }

    private void Ask(int number, StepProgram.StepFlags flags, long a, long b, long c, long d, long e = 0, long f = 0)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_announced == int.MaxValue - 1 && Interlocked.CompareExchange(ref *_program.Alive, 1, (uint)_announced + 1) == (uint)_announced + 1)
        {
            _announced = 0; // the word that counts announcements must not come round to 0, which says that the child has ended
        }

        StepProgram.Step* step = _program.At(_wait + 1);
        step->Call = number;
        step->Flags = flags;
        step->Args[0] = a;
        step->Args[1] = b;
        step->Args[2] = c;
        step->Args[3] = d;
        step->Args[4] = e;
        step->Args[5] = f;
        uint turn = *_asked + 1;
        _program.At(_wait)->Args[2] = turn; // for the next wait: the present one has read its arguments
        Volatile.Write(ref *_asked, turn);
        Kernel.futex_wake(_asked);
    }

    private void WaitUntilIdle()
    {
        if (!_child.WaitForAnnouncement(++_announced))
        {
            throw new ContainerException("The process that does this process's work in a user namespace is gone.", "Something killed it: the OOM killer, or a limit on processes. The next start makes another one.");
        }
    }
}
