using System.Runtime.InteropServices;

namespace Containers.Native;

// sys/mount.h, linux/mount.h.
internal static unsafe partial class Kernel
{
    public const ulong MS_RDONLY = 1;
    public const ulong MS_NOSUID = 2;
    public const ulong MS_NODEV = 4;
    public const ulong MS_NOEXEC = 8;
    public const ulong MS_REMOUNT = 32;
    public const ulong MS_BIND = 4096;
    public const ulong MS_REC = 16384;
    public const ulong MS_PRIVATE = 1 << 18;
    public const int MNT_DETACH = 2;
    public const int UMOUNT_NOFOLLOW = 8;

    public const uint FSOPEN_CLOEXEC = 1;
    public const uint FSCONFIG_SET_FLAG = 0;
    public const uint FSCONFIG_SET_STRING = 1;
    public const uint FSCONFIG_CMD_CREATE = 6;
    public const uint FSMOUNT_CLOEXEC = 1;
    public const uint MOVE_MOUNT_F_EMPTY_PATH = 4;
    public const uint MOVE_MOUNT_T_EMPTY_PATH = 0x40;
    public const uint OPEN_TREE_CLONE = 1;
    public const uint OPEN_TREE_CLOEXEC = O_CLOEXEC;

    public const ulong MOUNT_ATTR_RDONLY = 1;
    public const ulong MOUNT_ATTR_NOSUID = 2;
    public const ulong MOUNT_ATTR_NODEV = 4;
    public const ulong MOUNT_ATTR_NOEXEC = 8;
    public const ulong MOUNT_ATTR_IDMAP = 0x100000;
    public const ulong MS_SLAVE = 1 << 19;
    public const ulong MOUNT_ATTR__ATIME = 0x70;

    [StructLayout(LayoutKind.Sequential)]
    public struct mount_attr
    {
        public ulong attr_set;
        public ulong attr_clr;
        public ulong propagation;
        public ulong userns_fd;
    }

    public static int mount(byte* source, byte* target, byte* type, ulong flags, byte* data)
        => (int)Call(SystemCall.mount, (long)source, (long)target, (long)type, (long)flags, (long)data);

    public static int umount2(byte* target, int flags) => (int)Call(SystemCall.umount2, (long)target, flags);

    public static int fsopen(byte* type) => (int)Call(SystemCall.fsopen, (long)type, FSOPEN_CLOEXEC);

    public static int fsconfig(int context, uint command, byte* key, byte* value, int auxiliary = 0)
        => (int)Call(SystemCall.fsconfig, context, command, (long)key, (long)value, auxiliary);

    public static int fsmount(int context, ulong attributes) => (int)Call(SystemCall.fsmount, context, FSMOUNT_CLOEXEC, (long)attributes);

    public static int open_tree(int directory, byte* path, uint flags)
        => (int)Call(SystemCall.open_tree, directory, (long)path, flags | OPEN_TREE_CLOEXEC);

    public static int move_mount(int fromDirectory, byte* from, int toDirectory, byte* to, uint flags)
        => (int)Call(SystemCall.move_mount, fromDirectory, (long)from, toDirectory, (long)to, flags);

    public static int mount_setattr(int directory, byte* path, uint flags, mount_attr* attributes)
        => (int)Call(SystemCall.mount_setattr, directory, (long)path, flags, (long)attributes, sizeof(mount_attr));
}
