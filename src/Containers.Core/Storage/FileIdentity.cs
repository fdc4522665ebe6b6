using System.Security.Cryptography;
using System.Text;
using Containers.Native;

namespace Containers.Storage;

/// <summary>What tells that a file is still the one that was read: a change of its content changes one of these.</summary>
internal sealed record FileIdentity(string Path, uint Major, uint Minor, ulong Inode, ulong Size, long ModifiedSeconds, uint ModifiedNanoseconds, long ChangedSeconds, uint ChangedNanoseconds)
{
    /// <summary>
    /// Kernels before 6.13 stamp files with the time of the last clock tick, up to 10 ms back (CONFIG_HZ=100). Two changes
    /// within one tick look the same, so nothing is remembered about a file that changed only just now.
    /// </summary>
    private static readonly TimeSpan ClockTick = TimeSpan.FromMilliseconds(20);

    /// <summary>A name for what is recorded about the path.</summary>
    public string PathHash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path)));

    public bool IsSettled => DateTimeOffset.UtcNow - Changed > ClockTick;

    private DateTimeOffset Changed => DateTimeOffset.FromUnixTimeSeconds(ChangedSeconds).AddTicks(ChangedNanoseconds / 100);

    public static FileIdentity Of(string path, in Kernel.statx_t stat)
        => new(path, stat.stx_dev_major, stat.stx_dev_minor, stat.stx_ino, stat.stx_size, stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec, stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec);
}
