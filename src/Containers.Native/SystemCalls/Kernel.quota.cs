using System.Runtime.InteropServices;

namespace Containers.Native;

// sys/quota.h, linux/quota.h, linux/dqblk_xfs.h, linux/fs.h: quotas of projects.
internal static unsafe partial class Kernel
{
    public const int PRJQUOTA = 2;
    public const uint Q_GETQUOTA = 0x800007;
    public const uint Q_SETQUOTA = 0x800008;
    public const uint Q_XGETQSTAT = 0x5805; // also of file systems other than xfs
    public const ushort FS_QUOTA_PDQ_ENFD = 1 << 5;
    public const uint QIF_LIMITS = 1 | 4; // blocks and inodes

    public const long FS_IOC_FSGETXATTR = 0x801C581F; // _IOR('X', 31, struct fsxattr)
    public const long FS_IOC_FSSETXATTR = 0x401C5820; // _IOW('X', 32, struct fsxattr)
    public const long FS_IOC_SETFLAGS = 0x40086602; // _IOW('f', 2, long)
    public const uint FS_XFLAG_PROJINHERIT = 0x200;

    [StructLayout(LayoutKind.Sequential)]
    public struct if_dqblk
    {
        public ulong dqb_bhardlimit; // in KiB
        public ulong dqb_bsoftlimit;
        public ulong dqb_curspace; // in bytes
        public ulong dqb_ihardlimit;
        public ulong dqb_isoftlimit;
        public ulong dqb_curinodes;
        public ulong dqb_btime;
        public ulong dqb_itime;
        public uint dqb_valid;
    }

    /// <summary>The beginning of fs_quota_stat is all that is read of it.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 256)]
    public struct fs_quota_stat
    {
        public sbyte qs_version;
        public ushort qs_flags;
    }

    [StructLayout(LayoutKind.Sequential, Size = 28)]
    public struct fsxattr
    {
        public uint fsx_xflags;
        public uint fsx_extsize;
        public uint fsx_nextents;
        public uint fsx_projid;
        public uint fsx_cowextsize;
    }
}
