using System.Text;
using Containers.Launch;
using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>Runs a small program of the host, to its end or beside a container. By our own launcher: it costs a third of what Process.Start does.</summary>
internal sealed unsafe class HelperProgram : IDisposable
{
    /// <summary>The number by which it has the descriptor that it is given.</summary>
    public const int KeptDescriptor = 3;

    private readonly string _program;
    private readonly StepProgram _steps = new();
    private readonly PathHandle _output;
    private readonly LaunchedChild _child;
    private bool _reaped;

    /// <summary>Starts it with no input, an empty environment and no descriptors of this process.</summary>
    public HelperProgram(string program, IReadOnlyList<string> arguments)
        : this(program, arguments, null, null, null)
    {
    }

    /// <summary>Starts it with a descriptor more, as root of a user namespace, where it can gain no privileges and has no network.</summary>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">The first one is its name.</param>
    /// <param name="kept">What it has as <see cref="KeptDescriptor"/>; null for nothing.</param>
    /// <param name="deputy">Who is in the user namespace; null for this process's own.</param>
    /// <param name="maps">The ids there.</param>
    public HelperProgram(string program, IReadOnlyList<string> arguments, PathHandle? kept, Deputy? deputy, IdMaps? maps)
    {
        _program = program;
        int* ends = stackalloc int[2];
        Kernel.Check(Kernel.pipe2(ends, Kernel.O_CLOEXEC), "pipe2");
        _output = new PathHandle(ends[0]);
        using PathHandle childs = new(ends[1]);
        StepProgram steps = _steps;
        const int Free = KeptDescriptor + 1; // above what is written over below, wherever this process had its descriptors
        if (maps is not null)
        {
            steps.Add(SystemCall.setresgid, 0, 0, 0);
            steps.Add(SystemCall.setresuid, 0, 0, 0);
            if (!maps.DeniesSetGroups)
            {
                steps.Add(SystemCall.setgroups, 0, 0);
            }
        }

        steps.AddDieWith(ContainerLauncher.HostPidFd); // behind a change of ids, which clears it: prctl(2)
        Slot copy = steps.NewSlot(), keptCopy = steps.NewSlot();
        steps.Add(SystemCall.fcntl, childs.Descriptor, Kernel.F_DUPFD_CLOEXEC, Free).Into(copy);
        if (kept is not null)
        {
            steps.Add(SystemCall.fcntl, kept.Descriptor, Kernel.F_DUPFD_CLOEXEC, Free).Into(keptCopy);
        }

        Slot nothing = steps.NewSlot();
        steps.Add(SystemCall.openat, Kernel.AT_FDCWD, StepProgram.Constant("/dev/null"), Kernel.O_RDWR | Kernel.O_CLOEXEC, 0).Into(nothing);
        steps.Add(SystemCall.dup3, nothing, 0, 0).Tolerate(Errno.EINVAL);
        steps.Add(SystemCall.dup3, copy, 1, 0);
        steps.Add(SystemCall.dup3, copy, 2, 0);
        if (kept is not null)
        {
            steps.Add(SystemCall.dup3, keptCopy, KeptDescriptor, 0);
            steps.Add(SystemCall.setsid); // Ctrl-C is for this process
            steps.Add(SystemCall.prctl, Kernel.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        }

        steps.Add(SystemCall.close_range, kept is null ? KeptDescriptor : Free, uint.MaxValue, 0);
        steps.AddSignalDefaults();
        steps.Add(SystemCall.execve, steps.Text(program), steps.Texts(arguments), steps.Texts([]));
        try
        {
            _child = Launcher.Launch(steps, deputy is null ? 0 : Kernel.CLONE_NEWNET, program, deputy: deputy);
            if (!_child.WaitForExec())
            {
                throw new KernelException("execute", program, (Errno)(-steps[steps.Failed].Result));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>What it said where it failed; null where it did not.</returns>
    public string? Failure()
    {
        string said = Read(_output);
        (int code, bool signaled) = ContainerLauncher.Reap(_child.Handle);
        _reaped = true;
        return code == 0 && !signaled ? null : said.Length > 0 ? said : $"{_program} ended with {(signaled ? "signal " : "")}{code}.";
    }

    /// <summary>It runs as it should, and what it says from here on nobody hears: it must not wait for that.</summary>
    public void Settle()
    {
        _output.Dispose();
        _steps.Dispose();
    }

    /// <summary>On any thread, at any time.</summary>
    public void Kill()
    {
        try
        {
            _child.Handle.Signal(Kernel.SIGKILL);
        }
        catch (ObjectDisposedException)
        {
            // It is gone already.
        }
    }

    public void Dispose()
    {
        if (_reaped)
        {
            _child.Handle.Dispose();
        }
        else if (_child is not null)
        {
            ContainerLauncher.End(_child.Handle, kill: true);
            _reaped = true;
        }

        _output.Dispose();
        _steps.Dispose();
    }

    private static string Read(PathHandle pipe)
    {
        byte[] buffer = new byte[4096];
        StringBuilder said = new();
        fixed (byte* bytes = buffer)
        {
            for (long count; (count = Kernel.read(pipe.Descriptor, bytes, (nuint)buffer.Length)) > 0;)
            {
                said.Append(Encoding.UTF8.GetString(buffer, 0, (int)count));
            }
        }

        return said.ToString().Trim();
    }
}
