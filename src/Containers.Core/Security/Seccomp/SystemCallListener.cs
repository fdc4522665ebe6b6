using System.Globalization;
using Containers.Native;
using Containers.Native.Seccomp;
using Containers.Security.Credentials;

namespace Containers.Security.Seccomp;

/// <summary>Answers what the filter of one process, and of all that come from it, asks: on a thread of its own, which sleeps in the kernel between questions.</summary>
/// <remarks>
/// Not on the poller's thread: a container that asks much would keep all others from their pipes. When the host process dies the
/// container does, too; where it does not (WithHostPidNs), its refused calls fail with ENOSYS, as the kernel has it for a closed listener.
/// </remarks>
internal sealed unsafe class SystemCallListener : IDisposable
{
    private readonly SeccompListener _listener;
    private readonly SystemCallRecord _record;
    private readonly EventHandle _stop = new();
    private readonly Thread _thread;

    public SystemCallListener(SeccompListener listener, SystemCallRecord record)
    {
        (_listener, _record) = (listener, record);
        _thread = new Thread(Serve, 256 * 1024) { IsBackground = true, Name = "containers-seccomp" };
        _thread.Start();
    }

    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _listener.Dispose();
        _stop.Dispose();
    }

    private void Serve()
    {
        Kernel.pollfd* polls = stackalloc Kernel.pollfd[2];
        polls[0] = new Kernel.pollfd { fd = _listener.Descriptor, events = Kernel.POLLIN };
        polls[1] = new Kernel.pollfd { fd = _stop.Descriptor, events = Kernel.POLLIN };
        while (Kernel.ppoll(polls, 2, null) >= 0 && polls[1].revents == 0)
        {
            if ((polls[0].revents & Kernel.POLLIN) != 0)
            {
                if (_listener.TryReceive(out Kernel.seccomp_notif call))
                {
                    Answer(in call);
                }
            }
            else if (polls[0].revents != 0)
            {
                return; // hung up: no process has the filter any more. Linux 5.9
            }
        }
    }

    // Written down before it is answered: who waits for the container's end finds all of it in the report.
    private void Answer(ref readonly Kernel.seccomp_notif call)
    {
        uint decision = _record.Decide(in call.data);
        if ((decision & SeccompReturn.ACTION) != SeccompReturn.ERRNO)
        {
            _record.Made(in call.data);
            _listener.Continue(call.id);
            return;
        }

        int errno = (int)(decision & SeccompReturn.DATA);
        string name = NameOf(call.pid);
        if (_listener.StillWaits(call.id)) // otherwise it is made again, or nobody is left to make it
        {
            _record.Denied(in call.data, errno, (int)call.pid, name);
            _listener.Fail(call.id, errno);
        }
    }

    private static string NameOf(uint thread)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{thread}/comm")).TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) // it has ended, or /proc hides it
        {
            return "";
        }
    }
}

/// <summary>Listens to the filters of a container's processes: the first one's, and one for each that joins later.</summary>
internal sealed class SystemCallPart(ContainerSpec spec) : Launch.LaunchPart
{
    private readonly Lock _gate = new();
    private readonly List<SystemCallListener> _listeners = [];
    private bool _disposed;

    public SystemCallRecord Record { get; } = new(spec.FilteredBy ?? throw new ContainerException("There is no seccomp profile whose refusals could be told.", $"{nameof(ContainerBuilder.WithSystemCallLearning)}() tells all calls, also without a profile."), spec);

    public override bool WaitsAt(Launch.LaunchGate gate) => gate == Launch.LaunchGate.Ready;

    /// <remarks>
    /// The process that joins is kept from being dumpable, and its memory belongs to the user namespace that its executable was started
    /// in: only one with CAP_SYS_PTRACE there may take a descriptor from it (ptrace(2), "Ptrace access mode checking"). Where this process has
    /// not that power over its own, it has it over those that it made.
    /// </remarks>
    public override void PrepareExec(Launch.LaunchRequest request)
    {
        if (Kernel.geteuid() == 0 || HostPrivileges.Has(Capability.SysPtrace))
        {
            return;
        }

        // A container that may trace could take it, too, and with it the decision about each call. And where root inside is somebody
        // else, the executable would have no privileges there.
        request.OwnsJoiner = request.Maps?.Root.User == (uint)Kernel.geteuid() && !spec.Capabilities.Contains(Capability.SysPtrace)
            ? true
            : throw new ContainerException("The system calls of a further process of this container cannot be watched by a host that is not root: its root may trace processes, or is another user.",
                $"Leave {nameof(Capability.SysPtrace)} or the maps of users out, or run that command as a container of its own.");
    }

    public override void AtGate(Launch.LaunchGate gate, LaunchedChild child)
    {
        SeccompListener? listener = null;
        try
        {
            int descriptor = (int)child.ResultOf(SystemCall.seccomp);
            KernelException? failure = null;
            if (!Launcher.WhileDumpable(Take)) // a child that is another user by now has made the memory it shares with this process undumpable
            {
                throw failure!;
            }

            bool Take()
            {
                try
                {
                    listener = SeccompListener.TakeFrom(child.Handle, descriptor);
                    return true;
                }
                catch (KernelException e)
                {
                    failure = e;
                    return false;
                }
            }
        }
        catch (KernelException e) when (e.Errno is Errno.EPERM or Errno.ENOSYS)
        {
            throw new KernelException(e.Operation, null, e.Errno, e.Errno == Errno.ENOSYS
                ? "Linux 5.6 or newer is needed, and no filter around this process that refuses pidfd_getfd."
                : "This process may not trace its child: it lacks CAP_SYS_PTRACE, or kernel.yama.ptrace_scope is 3.");
        }

        lock (_gate)
        {
            if (_disposed)
            {
                listener!.Dispose();
                return;
            }

            _listeners.Add(new SystemCallListener(listener!, Record));
        }
    }

    public override void Started(Container container) => container.SystemCalls = Record;

    public override ContainerExit Explain(ContainerExit exit)
    {
        Record.EndedBySeccomp = exit.Signal == Kernel.SIGSYS;
        return exit;
    }

    public override void Dispose()
    {
        SystemCallListener[] listeners;
        lock (_gate)
        {
            _disposed = true;
            listeners = [.. _listeners];
            _listeners.Clear();
        }

        Array.ForEach(listeners, listener => listener.Dispose());
        base.Dispose();
    }
}
