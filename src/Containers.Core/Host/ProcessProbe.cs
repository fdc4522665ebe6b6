using Containers.Native;
using static Containers.HostCapabilities;

namespace Containers.Host;

/// <summary>Making processes, and holding them by descriptors.</summary>
internal static unsafe class ProcessProbe
{
    private const int CloneArguments = 88; // CLONE_ARGS_SIZE_VER2, with the cgroup at its end

    public static IEnumerable<HostCapability> All()
    {
        // Neither makes a child: the signal is none, and the cgroup is no descriptor.
        yield return If(HostFeature.Clone3, Clone(signal: 1UL << 40, cgroup: 0, flags: 0) != Errno.ENOSYS);
        yield return If(HostFeature.CloneIntoCgroup, Clone(signal: 0, cgroup: int.MaxValue, flags: Kernel.CLONE_INTO_CGROUP) == Errno.EBADF);
        yield return PidFd();
        yield return ExitStatus();
    }

    private static Errno Clone(ulong signal, ulong cgroup, ulong flags)
    {
        ulong* arguments = stackalloc ulong[CloneArguments / sizeof(ulong)];
        new Span<ulong>(arguments, CloneArguments / sizeof(ulong)).Clear();
        (arguments[0], arguments[4], arguments[10]) = (flags, signal, cgroup);
        return (Errno)(-Kernel.Call(SystemCall.clone3, (long)arguments, CloneArguments));
    }

    private static HostCapability PidFd()
    {
        int descriptor = Kernel.pidfd_open(Environment.ProcessId);
        if (descriptor < 0)
        {
            return No(HostFeature.PidFd, ErrnoText.Describe((Errno)(-descriptor)));
        }

        using PidHandle self = new(descriptor);
        Kernel.siginfo_t info;
        int result = Kernel.waitid(Kernel.P_PIDFD, descriptor, &info, Kernel.WEXITED | Kernel.WNOHANG);
        return If(HostFeature.PidFd, result == -(int)Errno.ECHILD); // EINVAL: waitid does not know P_PIDFD
    }

    private static HostCapability ExitStatus()
    {
        using StepProgram program = new();
        LaunchedChild child;
        try
        {
            child = Launcher.Launch(program, 0);
        }
        catch (KernelException e)
        {
            return No(HostFeature.PidFdExitStatus, e.Message);
        }

        using (child.Handle)
        {
            child.WaitForExec();
            child.Handle.WaitForExit();
            child.Handle.TryReap(out _, out _);
            Kernel.pidfd_info kept = new() { mask = Kernel.PIDFD_INFO_EXIT };
            long result = Kernel.Call(SystemCall.ioctl, child.Handle.Descriptor, Kernel.PIDFD_GET_INFO, (long)&kept);
            return If(HostFeature.PidFdExitStatus, result == 0 && (kept.mask & Kernel.PIDFD_INFO_EXIT) != 0);
        }
    }
}
