using System.Runtime.InteropServices;

namespace Containers.Native;

// linux/stat.h, sys/vfs.h. statx and not stat: its structure is the same on every architecture.
internal static unsafe partial class Kernel
{
    public const uint STATX_BASIC_STATS = 0x7ff;

    [StructLayout(LayoutKind.Sequential)]
    public struct statx_timestamp
    {
        public long tv_sec;
        public uint tv_nsec;
        private readonly int reserved;
    }

    [StructLayout(LayoutKind.Sequential, Size = 256)]
    public struct statx_t
    {
        public uint stx_mask;
        public uint stx_blksize;
        public ulong stx_attributes;
        public uint stx_nlink;
        public uint stx_uid;
        public uint stx_gid;
        public ushort stx_mode;
        private readonly ushort spare;
        public ulong stx_ino;
        public ulong stx_size;
        public ulong stx_blocks;
        public ulong stx_attributes_mask;
        public statx_timestamp stx_atime;
        public statx_timestamp stx_btime;
        public statx_timestamp stx_ctime;
        public statx_timestamp stx_mtime;
        public uint stx_rdev_major;
        public uint stx_rdev_minor;
        public uint stx_dev_major;
        public uint stx_dev_minor;
        public ulong stx_mnt_id;

        public readonly uint Type => stx_mode & S_IFMT;
    }

    public static int statx(int directory, byte* path, int flags, uint mask, statx_t* result)
    {
        int status = (int)MappedRoot.Again(Call(SystemCall.statx, directory, (long)path, flags, mask, (long)result), SystemCall.statx, directory, (long)path, flags, mask, (long)result);
        if (status >= 0 && MappedRoot.IsEntered)
        {
            MappedRoot.Translate(directory, path, flags, mask, result);
        }

        return status;
    }
}
