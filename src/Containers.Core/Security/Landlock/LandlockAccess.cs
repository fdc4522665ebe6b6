namespace Containers;

/// <summary>What can be done with files and directories, as Landlock counts: landlock(7). The names are the kernel's.</summary>
[Flags]
public enum LandlockAccess
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Execute a file.</summary>
    Execute = 1 << 0,

    /// <summary>Open a file to write.</summary>
    WriteFile = 1 << 1,

    /// <summary>Open a file to read.</summary>
    ReadFile = 1 << 2,

    /// <summary>Open a directory, or list it.</summary>
    ReadDir = 1 << 3,

    /// <summary>Remove an empty directory, or rename one.</summary>
    RemoveDir = 1 << 4,

    /// <summary>Unlink a file, or rename it.</summary>
    RemoveFile = 1 << 5,

    /// <summary>Make a character device.</summary>
    MakeChar = 1 << 6,

    /// <summary>Make a directory.</summary>
    MakeDir = 1 << 7,

    /// <summary>Make a file.</summary>
    MakeReg = 1 << 8,

    /// <summary>Make a socket.</summary>
    MakeSock = 1 << 9,

    /// <summary>Make a named pipe.</summary>
    MakeFifo = 1 << 10,

    /// <summary>Make a block device.</summary>
    MakeBlock = 1 << 11,

    /// <summary>Make a symbolic link.</summary>
    MakeSym = 1 << 12,

    /// <summary>Link or rename between directories. ABI 2, Linux 5.19; before, Landlock always refuses it.</summary>
    Refer = 1 << 13,

    /// <summary>Truncate a file. ABI 3, Linux 6.2.</summary>
    Truncate = 1 << 14,

    /// <summary>Use ioctl on a device that is opened. ABI 5, Linux 6.10.</summary>
    IoctlDev = 1 << 15,

    /// <summary>Read, list and execute.</summary>
    Read = Execute | ReadFile | ReadDir,

    /// <summary>All that the first version can restrict: Linux 5.13.</summary>
    Abi1 = (1 << 13) - 1,

    /// <summary>All that the second one can: Linux 5.19.</summary>
    Abi2 = Abi1 | Refer,

    /// <summary>All that the third one can: Linux 6.2.</summary>
    Abi3 = Abi2 | Truncate,

    /// <summary>All that the fifth one can: Linux 6.10. The fourth is about networks.</summary>
    Abi5 = Abi3 | IoctlDev,

    /// <summary>All that is known here.</summary>
    All = Abi5,
}
