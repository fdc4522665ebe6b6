namespace Containers.Native;

/// <summary>
/// File calls of a process that is not root, on trees whose files belong to many: its own user, and the sub-ids that its user
/// may use (subuid(5)). What the kernel refuses this process for, it is asked again by a <see cref="Deputy"/> that is root
/// over all of these. Ids are those of the deputy's namespace: 0 is this process's user.
/// </summary>
internal static unsafe class MappedRoot
{
    private const uint SetIds = 0xc00; // S_ISUID | S_ISGID

    private static readonly Lock s_one = new();
    private static Deputy? s_deputy;

    [ThreadStatic]
    private static Func<Deputy>? t_make;

    [ThreadStatic]
    private static bool t_squashes;

    /// <summary>Whether the calling thread's file calls are on such trees.</summary>
    public static bool IsEntered => t_make is not null;

    /// <summary>The process id of the deputy, once there is one; -1 before.</summary>
    internal static int DeputyPid
    {
        get
        {
            lock (s_one)
            {
                return s_deputy?.Pid ?? -1;
            }
        }
    }

    /// <summary>Begins calls on such trees, on this thread, until what is returned is disposed. For root nothing changes.</summary>
    /// <param name="make">Makes the process's deputy, once it is needed; it lives as long as the process.</param>
    /// <param name="squashes">Whether an owner who is no one's in the namespace is left to be this process's user; otherwise chown fails, with EINVAL.</param>
    public static Scope Enter(Func<Deputy> make, bool squashes = false)
    {
        Scope before = new(t_make, t_squashes);
        if (Kernel.geteuid() != 0)
        {
            t_make = make;
            t_squashes = squashes;
        }

        return before;
    }

    /// <summary>The call once more, if it was refused for want of privileges.</summary>
    public static long Again(long result, SystemCall call, long a, long b = 0, long c = 0, long d = 0, long e = 0)
        => t_make is not null && result is -(long)Errno.EACCES or -(long)Errno.EPERM ? Call(call, a, b, c, d, e) : result;

    public static int Chown(SystemCall call, int descriptor, long path, uint owner, uint group, int flags)
    {
        bool isPath = path != 0;
        if ((owner | group) == 0)
        {
            uint user = (uint)Kernel.geteuid(), own = (uint)Kernel.getegid();
            long plain = isPath ? Kernel.Call(call, descriptor, path, user, own, flags) : Kernel.Call(call, descriptor, user, own);
            if (plain is not (-(long)Errno.EACCES or -(long)Errno.EPERM))
            {
                return (int)plain;
            }
        }

        long result = isPath ? Call(call, descriptor, path, owner, group, flags) : Call(call, descriptor, owner, group);
        return result == -(long)Errno.EINVAL && t_squashes ? 0 : (int)result;
    }

    /// <summary>Whether a mode is one that the kernel takes bits from when the caller is not root: then it would not be asked twice.</summary>
    public static bool NeedsRoot(uint mode) => t_make is not null && (mode & SetIds) != 0;

    public static long Call(SystemCall call, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0)
    {
        long result;
        do
        {
            result = Current().Call(call, a, b, c, d, e);
        }
        while (result == -(long)Errno.EINTR);
        return result;
    }

    /// <summary>Owners as the namespace has them.</summary>
    public static void Translate(int directory, byte* path, int flags, uint mask, Kernel.statx_t* status)
    {
        bool isOwn = status->stx_uid == (uint)Kernel.geteuid() && status->stx_gid == (uint)Kernel.getegid();
        if (isOwn)
        {
            status->stx_uid = status->stx_gid = 0;
        }
        else
        {
            Kernel.statx_t other;
            if (Call(SystemCall.statx, directory, (long)path, flags, mask, (long)&other) >= 0)
            {
                *status = other;
            }
        }
    }

    private static Deputy Current()
    {
        lock (s_one)
        {
            if (s_deputy is { IsAlive: false })
            {
                s_deputy.Dispose();
                s_deputy = null;
            }

            return s_deputy ??= t_make!();
        }
    }

    internal readonly ref struct Scope(Func<Deputy>? make, bool squashes)
    {
        public void Dispose()
        {
            t_make = make;
            t_squashes = squashes;
        }
    }
}
