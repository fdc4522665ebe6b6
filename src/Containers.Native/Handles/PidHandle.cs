namespace Containers.Native;

/// <summary>
/// A pidfd: a process, and never another one that was given its number later. Linux 5.3+, pidfd_open(2).
/// </summary>
public sealed unsafe class PidHandle : DescriptorHandle
{
    internal PidHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>Sends a signal. Linux 5.1+, pidfd_send_signal(2).</summary>
    /// <param name="signal">Its number: 15 is SIGTERM.</param>
    /// <returns>False when the process has ended.</returns>
    /// <exception cref="KernelException">EPERM: it is not ours to signal; EINVAL: there is no such signal.</exception>
    public bool Signal(int signal)
    {
        using Use process = Borrow();
        int result = Kernel.pidfd_send_signal(process.Descriptor, signal);
        if (result == -(int)Errno.ESRCH)
        {
            return false;
        }

        Kernel.Check(result, "send signal", signal.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return true;
    }

    /// <summary>Waits until the process, a child of this one, has ended, and leaves its status to be taken.</summary>
    internal void WaitForExit()
    {
        using Use process = Borrow();
        Kernel.siginfo_t info;
        int result = Kernel.waitid(Kernel.P_PIDFD, process.Descriptor, &info, Kernel.WEXITED | Kernel.WNOWAIT | Kernel.__WALL);
        if (result == -(int)Errno.ECHILD)
        {
            // Someone took the status already. The pidfd still tells when the process is gone.
            Kernel.pollfd poll = new() { fd = process.Descriptor, events = Kernel.POLLIN };
            Kernel.Check(Kernel.ppoll(&poll, 1, null), "wait for a process");
            return;
        }

        Kernel.Check(result, "wait for a process");
    }

    /// <summary>Takes the status of a child that has ended, so that the kernel forgets it.</summary>
    /// <param name="code">The exit code, or the signal's number.</param>
    /// <param name="signaled">Whether a signal ended it.</param>
    /// <returns>False when it is still running.</returns>
    /// <exception cref="KernelException">ECHILD: someone else took the status, and this kernel does not keep it (PIDFD_GET_INFO, Linux 6.15+).</exception>
    internal bool TryReap(out int code, out bool signaled) => TryReap(out code, out signaled, out _);

    /// <inheritdoc cref="TryReap(out int, out bool)"/>
    /// <param name="code">The exit code, or the signal's number.</param>
    /// <param name="signaled">Whether a signal ended it.</param>
    /// <param name="usage">What it used, with what its own children used that it waited for; null where someone else took the status, and this with it.</param>
    internal bool TryReap(out int code, out bool signaled, out Kernel.rusage? usage)
    {
        using Use process = Borrow();
        Kernel.siginfo_t info = default;
        Kernel.rusage used = default;
        int result = Kernel.waitid(Kernel.P_PIDFD, process.Descriptor, &info, Kernel.WEXITED | Kernel.WNOHANG | Kernel.__WALL, &used);
        usage = null;
        if (result == -(int)Errno.ECHILD)
        {
            // A host that is PID 1, or ignores SIGCHLD, loses its children's statuses to .NET or to the kernel.
            return TryGetKeptStatus(out code, out signaled);
        }

        Kernel.Check(result, "take the status of a process");
        code = info.si_status;
        signaled = info.si_code != Kernel.CLD_EXITED;
        usage = used;
        return info.si_pid != 0;
    }

    /// <summary>Whether the process has ended, which says nothing about whether its status was taken.</summary>
    internal bool HasEnded()
    {
        using Use process = Borrow();
        Kernel.pollfd poll = new() { fd = process.Descriptor, events = Kernel.POLLIN };
        Kernel.timespec now = default;
        return Kernel.Check(Kernel.ppoll(&poll, 1, &now), "look at a process") > 0;
    }

    private bool TryGetKeptStatus(out int code, out bool signaled)
    {
        Kernel.pidfd_info info = new() { mask = Kernel.PIDFD_INFO_EXIT };
        long result = Kernel.Call(SystemCall.ioctl, Descriptor, Kernel.PIDFD_GET_INFO, (long)&info);
        (code, signaled) = (0, false);
        if (result == 0 && (info.mask & Kernel.PIDFD_INFO_EXIT) == 0)
        {
            return false;
        }

        if (result < 0)
        {
            throw new KernelException("take the status of a process", null, Errno.ECHILD,
                "Something else in this process waits for all children (PID 1 does, and so does a host that ignores SIGCHLD); Linux 6.15 and newer keep the status nevertheless.");
        }

        signaled = (info.exit_code & 0x7f) != 0;
        code = signaled ? info.exit_code & 0x7f : (info.exit_code >> 8) & 0xff;
        return true;
    }
}
