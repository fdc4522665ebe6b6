using Containers.Native;

namespace Containers.Resources;

/// <summary>
/// The part of cgroup v2's tree that its manager gave to this process to divide: "a unit with Delegate=yes". The rest has one writer,
/// systemd, which may undo there what others do.
/// </summary>
internal static unsafe class Delegation
{
    /// <summary>Where the processes of a cgroup go that is to be divided: one with controllers for its children has no processes itself.</summary>
    public const string Leaf = "host";

    // Each may fork while it is moved, and its child is found by the next look.
    private const int Looks = 100;

    /// <summary>The cgroup that was given: this process's own, or the one above it, when the process is in a leaf of it.</summary>
    /// <returns>Null when its own place was not given to it.</returns>
    public static string? Find(CgroupHierarchy hierarchy)
    {
        if (!hierarchy.Unified || hierarchy.Own is not { } own || own.Length <= hierarchy.Mount.Length)
        {
            return null;
        }

        string above = Path.GetDirectoryName(own)!;
        return IsMarked(own) ? own : above.Length > hierarchy.Mount.Length && IsMarked(above) ? above : null;
    }

    /// <summary>Whether systemd wrote on it that it is another's: "user.delegate" since version 251, and before that what only root reads.</summary>
    public static bool IsMarked(string cgroup) => Marked(cgroup, "user.delegate") || Marked(cgroup, "trusted.delegate");

    /// <summary>Writes that on it, as a systemd before 251 does not for users. Linux 5.7.</summary>
    /// <exception cref="KernelException">It is not this process's own.</exception>
    public static void Mark(string cgroup)
    {
        byte one = (byte)'1';
        fixed (byte* path = CString.Bytes(cgroup), name = CString.Bytes("user.delegate"))
        {
            Kernel.Check(Kernel.lsetxattr(path, name, &one, 1), "mark the cgroup as this process's own", cgroup);
        }
    }

    /// <summary>Moves its processes to a leaf of it, so that its children can have controllers.</summary>
    /// <exception cref="KernelException">They cannot be moved.</exception>
    public static void Clear(CgroupHandle cgroup)
    {
        using (CgroupHandle.TryMake($"{cgroup.Path}/{Leaf}"))
        {
            // its lock says that someone answers for it, and nobody asks
        }

        using CgroupHandle leaf = CgroupHandle.TryOpen($"{cgroup.Path}/{Leaf}") ?? throw new KernelException("open the cgroup", $"{cgroup.Path}/{Leaf}", Errno.ENOENT);
        for (int look = 0; look < Looks && cgroup.Read("cgroup.procs").Split('\n', StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } members; look++)
        {
            foreach (string pid in members)
            {
                if (leaf.TryWrite("cgroup.procs", pid) is { } errno && errno != Errno.ESRCH)
                {
                    throw new KernelException($"move the process {pid} to", leaf.Path, errno);
                }
            }
        }

        CgroupHost.Reread();
    }

    private static bool Marked(string cgroup, string attribute)
    {
        byte value = 0;
        fixed (byte* path = CString.Bytes(cgroup), name = CString.Bytes(attribute))
        {
            return Kernel.Call(SystemCall.getxattr, (long)path, (long)name, (long)&value, 1) == 1 && value == '1';
        }
    }
}
