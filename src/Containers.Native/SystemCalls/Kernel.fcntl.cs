using System.Runtime.InteropServices;

namespace Containers.Native;

// fcntl.h, linux/openat2.h, unistd.h: files and directories.
internal static unsafe partial class Kernel
{
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_REMOVEDIR = 0x200;
    public const int AT_SYMLINK_FOLLOW = 0x400;
    public const int AT_EMPTY_PATH = 0x1000;
    public const int AT_RECURSIVE = 0x8000;

    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_NOCTTY = 0x100;
    public const int O_TRUNC = 0x200;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;
    public const int O_PATH = 0x200000;

    // arm64 kept the numbers of 32-bit ARM for these two.
    public static readonly int O_DIRECTORY = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000;
    public static readonly int O_NOFOLLOW = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    public const ulong RESOLVE_NO_XDEV = 1;
    public const ulong RESOLVE_NO_MAGICLINKS = 2;
    public const ulong RESOLVE_NO_SYMLINKS = 4;
    public const ulong RESOLVE_BENEATH = 8;
    public const ulong RESOLVE_IN_ROOT = 16;

    public const int F_DUPFD_CLOEXEC = 1030;
    public const int F_SETPIPE_SZ = 1031;
    public const int F_GETFL = 3;
    public const int F_SETFL = 4;

    public const int LOCK_SH = 1;
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;
    public const int LOCK_UN = 8;

    public const uint S_IFMT = 0xF000;
    public const uint S_IFSOCK = 0xC000;
    public const uint S_IFLNK = 0xA000;
    public const uint S_IFREG = 0x8000;
    public const uint S_IFBLK = 0x6000;
    public const uint S_IFDIR = 0x4000;
    public const uint S_IFCHR = 0x2000;
    public const uint S_IFIFO = 0x1000;

    public const uint RENAME_NOREPLACE = 1;

    public const long UTIME_OMIT = 0x3ffffffe;

    [StructLayout(LayoutKind.Sequential)]
    public struct open_how
    {
        public ulong flags;
        public ulong mode;
        public ulong resolve;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct timespec
    {
        public long tv_sec;
        public long tv_nsec;
    }

    public static int openat(int directory, byte* path, int flags, uint mode = 0)
        => (int)MappedRoot.Again(Retry(SystemCall.openat, directory, (long)path, flags | O_CLOEXEC, mode), SystemCall.openat, directory, (long)path, flags | O_CLOEXEC, mode);

    /// <summary>Linux 5.6+. Always close-on-exec.</summary>
    public static int openat2(int directory, byte* path, int flags, uint mode, ulong resolve)
    {
        open_how how = new() { flags = (uint)(flags | O_CLOEXEC), mode = mode, resolve = resolve };
        return (int)MappedRoot.Again(Retry(SystemCall.openat2, directory, (long)path, (long)&how, sizeof(open_how)), SystemCall.openat2, directory, (long)path, (long)&how, sizeof(open_how));
    }

    public static int close(int descriptor) => (int)Call(SystemCall.close, descriptor); // never again after EINTR: close(2)

    public static long read(int descriptor, byte* buffer, nuint count) => Retry(SystemCall.read, descriptor, (long)buffer, (long)count);

    public static long write(int descriptor, byte* buffer, nuint count) => Retry(SystemCall.write, descriptor, (long)buffer, (long)count);

    public static long lseek(int descriptor, long offset, int whence) => Call(SystemCall.lseek, descriptor, offset, whence);

    public static int ftruncate(int descriptor, long length) => (int)Retry(SystemCall.ftruncate, descriptor, length);

    public static int mkdirat(int directory, byte* path, uint mode) => (int)MappedRoot.Again(Call(SystemCall.mkdirat, directory, (long)path, mode), SystemCall.mkdirat, directory, (long)path, mode);

    public static int mknodat(int directory, byte* path, uint mode, ulong device)
        => (int)MappedRoot.Again(Call(SystemCall.mknodat, directory, (long)path, mode, (long)device), SystemCall.mknodat, directory, (long)path, mode, (long)device);

    /// <summary>A device number as the kernel packs it (linux/kdev_t.h, new_encode_dev).</summary>
    public static ulong makedev(uint major, uint minor) => (minor & 0xff) | ((major & 0xfff) << 8) | ((ulong)(minor & ~0xffu) << 12);

    public static int symlinkat(byte* target, int directory, byte* path) => (int)MappedRoot.Again(Call(SystemCall.symlinkat, (long)target, directory, (long)path), SystemCall.symlinkat, (long)target, directory, (long)path);

    public static int linkat(int fromDirectory, byte* from, int toDirectory, byte* to, int flags)
        => (int)MappedRoot.Again(Call(SystemCall.linkat, fromDirectory, (long)from, toDirectory, (long)to, flags), SystemCall.linkat, fromDirectory, (long)from, toDirectory, (long)to, flags);

    public static int unlinkat(int directory, byte* path, int flags) => (int)MappedRoot.Again(Call(SystemCall.unlinkat, directory, (long)path, flags), SystemCall.unlinkat, directory, (long)path, flags);

    public static int renameat2(int fromDirectory, byte* from, int toDirectory, byte* to, uint flags)
        => (int)MappedRoot.Again(Call(SystemCall.renameat2, fromDirectory, (long)from, toDirectory, (long)to, flags), SystemCall.renameat2, fromDirectory, (long)from, toDirectory, (long)to, flags);

    public static long readlinkat(int directory, byte* path, byte* buffer, nuint size)
        => MappedRoot.Again(Call(SystemCall.readlinkat, directory, (long)path, (long)buffer, (long)size), SystemCall.readlinkat, directory, (long)path, (long)buffer, (long)size);

    public static int fchmod(int descriptor, uint mode)
        => (int)(MappedRoot.NeedsRoot(mode) ? MappedRoot.Call(SystemCall.fchmod, descriptor, mode) : MappedRoot.Again(Call(SystemCall.fchmod, descriptor, mode), SystemCall.fchmod, descriptor, mode));

    /// <summary>Follows a symbolic link at the end of the path: the call has no flags.</summary>
    public static int fchmodat(int directory, byte* path, uint mode)
        => (int)(MappedRoot.NeedsRoot(mode) ? MappedRoot.Call(SystemCall.fchmodat, directory, (long)path, mode)
            : MappedRoot.Again(Call(SystemCall.fchmodat, directory, (long)path, mode), SystemCall.fchmodat, directory, (long)path, mode));

    public static int fchown(int descriptor, uint user, uint group)
        => MappedRoot.IsEntered ? MappedRoot.Chown(SystemCall.fchown, descriptor, 0, user, group, 0) : (int)Call(SystemCall.fchown, descriptor, user, group);

    public static int fchownat(int directory, byte* path, uint user, uint group, int flags)
        => MappedRoot.IsEntered ? MappedRoot.Chown(SystemCall.fchownat, directory, (long)path, user, group, flags) : (int)Call(SystemCall.fchownat, directory, (long)path, user, group, flags);

    /// <param name="times">Access and modification time; null: now.</param>
    public static int utimensat(int directory, byte* path, timespec* times, int flags)
        => (int)MappedRoot.Again(Call(SystemCall.utimensat, directory, (long)path, (long)times, flags), SystemCall.utimensat, directory, (long)path, (long)times, flags);

    public static int fsetxattr(int descriptor, byte* name, byte* value, nuint size)
        => (int)MappedRoot.Again(Call(SystemCall.fsetxattr, descriptor, (long)name, (long)value, (long)size), SystemCall.fsetxattr, descriptor, (long)name, (long)value, (long)size);

    public static int lsetxattr(byte* path, byte* name, byte* value, nuint size)
        => (int)MappedRoot.Again(Call(SystemCall.lsetxattr, (long)path, (long)name, (long)value, (long)size), SystemCall.lsetxattr, (long)path, (long)name, (long)value, (long)size);

    public static long lgetxattr(byte* path, byte* name, byte* value, nuint size)
        => MappedRoot.Again(Call(SystemCall.lgetxattr, (long)path, (long)name, (long)value, (long)size), SystemCall.lgetxattr, (long)path, (long)name, (long)value, (long)size);

    public static long llistxattr(byte* path, byte* list, nuint size) => MappedRoot.Again(Call(SystemCall.llistxattr, (long)path, (long)list, (long)size), SystemCall.llistxattr, (long)path, (long)list, (long)size);

    public static long fgetxattr(int descriptor, byte* name, byte* value, nuint size)
        => MappedRoot.Again(Call(SystemCall.fgetxattr, descriptor, (long)name, (long)value, (long)size), SystemCall.fgetxattr, descriptor, (long)name, (long)value, (long)size);

    public static int flock(int descriptor, int operation) => (int)Retry(SystemCall.flock, descriptor, operation);

    public static int fsync(int descriptor) => (int)Retry(SystemCall.fsync, descriptor);

    public static int syncfs(int descriptor) => (int)Call(SystemCall.syncfs, descriptor);

    public static int fcntl(int descriptor, int command, long argument) => (int)Retry(SystemCall.fcntl, descriptor, command, argument);

    /// <summary>Both ends close-on-exec.</summary>
    public static int pipe2(int* ends, int flags) => (int)Call(SystemCall.pipe2, (long)ends, flags | O_CLOEXEC);

    public static long getdents64(int descriptor, byte* buffer, nuint size) => Call(SystemCall.getdents64, descriptor, (long)buffer, (long)size);
}
