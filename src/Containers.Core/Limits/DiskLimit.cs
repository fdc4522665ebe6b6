namespace Containers;

/// <summary>How many bytes a container's changes to its root may take, and by what it is held to that.</summary>
/// <param name="Bytes">At least <see cref="Minimum"/>.</param>
/// <param name="Kind">By what.</param>
public sealed record DiskLimit(long Bytes, DiskLimitKind Kind)
{
    /// <summary>64 KiB. The mount points that the runtime makes need some of it.</summary>
    public const long Minimum = 64 * 1024;

    /// <summary>
    /// How many files may be made: an empty one takes memory or an inode of the host's, too. One for each block of 4 KiB, and as
    /// many as any small container makes.
    /// </summary>
    internal long Files => 1024 + (Bytes / 4096);
}

/// <summary>What holds a container to its <see cref="DiskLimit"/>.</summary>
public enum DiskLimitKind
{
    /// <summary><see cref="ProjectQuota"/> where the store's file system has it and this process may set it, else <see cref="Memory"/>.</summary>
    Automatic,

    /// <summary>Changes are kept in a tmpfs of that size: in memory, and in swap. They count as the container's memory where that is limited.</summary>
    Memory,

    /// <summary>
    /// Changes lie in the store as always, as a project of their own with a quota: ext4 or xfs, mounted with prjquota, and a host process that is root.
    /// The seccomp filter keeps files in the project (FS_IOC_FSSETXATTR, FS_IOC_SETFLAGS and file_setattr fail with EPERM): without one, a file's owner
    /// with the host's user ids can take it out, and the limit holds only those who do not try.
    /// </summary>
    ProjectQuota,
}
