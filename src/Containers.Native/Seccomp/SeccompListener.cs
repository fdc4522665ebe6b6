namespace Containers.Native.Seccomp;

/// <summary>
/// The descriptor through which a filter asks about calls: seccomp_unotify(2), Linux 5.0. When the last one is closed, the calls that
/// would have been asked about fail with ENOSYS, and so do those that wait.
/// </summary>
internal sealed unsafe class SeccompListener : DescriptorHandle
{
    private static readonly Lazy<int> s_flags = new(() =>
    {
        // With a null program all flags that are known lead to EFAULT, and one that is not to EINVAL: seccomp(2).
        const int Killable = Kernel.SECCOMP_FILTER_FLAG_NEW_LISTENER | Kernel.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
        return Kernel.Call(SystemCall.seccomp, Kernel.SECCOMP_SET_MODE_FILTER, Killable) == -(long)Errno.EFAULT ? Killable : Kernel.SECCOMP_FILTER_FLAG_NEW_LISTENER;
    });

    private SeccompListener(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>
    /// What seccomp(2) is to be told for a filter with a listener. A call that has been taken up is not interrupted by signals then where
    /// the kernel knows of that, so that nothing is asked twice.
    /// </summary>
    public static int Flags => s_flags.Value;

    /// <summary>Takes the listener that a child's filter gave it. Linux 5.6, pidfd_getfd(2).</summary>
    /// <exception cref="KernelException">EPERM: this process may not trace the child.</exception>
    public static SeccompListener TakeFrom(PidHandle child, int descriptor)
    {
        using Use process = child.Borrow();
        return new SeccompListener((int)Kernel.Check(Kernel.Call(SystemCall.pidfd_getfd, process.Descriptor, descriptor), "take the listener of a seccomp filter", null));
    }

    /// <summary>Takes up the next call that waits. To be called when the descriptor is ready, and by one thread.</summary>
    /// <returns>False when it was interrupted meanwhile, or its process has ended.</returns>
    public bool TryReceive(out Kernel.seccomp_notif call)
    {
        using Use listener = Borrow();
        call = default; // the kernel wants it zeroed
        fixed (Kernel.seccomp_notif* to = &call)
        {
            return Kernel.Call(SystemCall.ioctl, listener.Descriptor, Kernel.SECCOMP_IOCTL_NOTIF_RECV, (long)to) >= 0;
        }
    }

    /// <summary>Whether the call still waits: what was read of its process meanwhile is its own.</summary>
    public bool StillWaits(ulong id)
    {
        using Use listener = Borrow();
        return Kernel.Call(SystemCall.ioctl, listener.Descriptor, Kernel.SECCOMP_IOCTL_NOTIF_ID_VALID, (long)&id) >= 0;
    }

    /// <summary>Has the kernel execute the call as if there were no filter. Linux 5.5.</summary>
    public void Continue(ulong id) => Send(new Kernel.seccomp_notif_resp { id = id, flags = Kernel.SECCOMP_USER_NOTIF_FLAG_CONTINUE });

    /// <summary>Has the call fail.</summary>
    public void Fail(ulong id, int errno) => Send(new Kernel.seccomp_notif_resp { id = id, error = -errno });

    // ENOENT: the caller was interrupted or has ended, and wants no answer.
    private void Send(Kernel.seccomp_notif_resp answer)
    {
        using Use listener = Borrow();
        Kernel.Call(SystemCall.ioctl, listener.Descriptor, Kernel.SECCOMP_IOCTL_NOTIF_SEND, (long)&answer);
    }
}
