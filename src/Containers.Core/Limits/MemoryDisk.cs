using System.Globalization;
using Containers.Native;

namespace Containers.Limits;

/// <summary>A file system in memory for an overlay's changes.</summary>
/// <param name="Limit">How much it holds.</param>
/// <param name="Mode">The mode of "/" in the container, which is that of the upper directory.</param>
/// <param name="UserId">Its owner.</param>
/// <param name="GroupId">Its group.</param>
internal sealed record MemoryDisk(DiskLimit Limit, uint Mode, uint UserId, uint GroupId)
{
    /// <summary>As tmpfs takes them. An inode takes memory that size does not count, so their number has a limit, too: tmpfs(5), nr_inodes.</summary>
    public string Options => string.Create(CultureInfo.InvariantCulture, $"size={Limit.Bytes},nr_inodes={Limit.Files},mode=700");

    /// <param name="limit">How much it may hold.</param>
    /// <param name="topmost">The topmost layer, which "/" looks like.</param>
    public static unsafe MemoryDisk Like(DiskLimit limit, string topmost)
    {
        Kernel.statx_t root;
        fixed (byte* path = CString.Bytes(topmost))
        {
            Kernel.Check(Kernel.statx(Kernel.AT_FDCWD, path, 0, Kernel.STATX_BASIC_STATS, &root), "stat", topmost);
        }

        return new MemoryDisk(limit, root.stx_mode & 0xfffu, root.stx_uid, root.stx_gid);
    }
}
