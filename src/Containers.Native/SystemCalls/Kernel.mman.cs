namespace Containers.Native;

// sys/mman.h, linux/memfd.h, linux/fcntl.h.
internal static unsafe partial class Kernel
{
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;
    public const int MAP_SHARED = 1;

    public const int MFD_CLOEXEC = 1;
    public const int MFD_ALLOW_SEALING = 2;
    public const int MFD_EXEC = 0x10; // Linux 6.3

    public const int F_ADD_SEALS = 1033;
    public const int F_SEAL_SEAL = 1;
    public const int F_SEAL_SHRINK = 2;
    public const int F_SEAL_GROW = 4;
    public const int F_SEAL_WRITE = 8;

    public const int F_SETFD = 2;
    public const int FD_CLOEXEC = 1;
}
