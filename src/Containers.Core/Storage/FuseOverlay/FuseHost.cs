using Containers.Host;
using Containers.Native;

namespace Containers.Storage;

/// <summary>What fuse-overlayfs needs of a host.</summary>
internal static unsafe class FuseHost
{
    public const string Device = "/dev/fuse";

    /// <summary>Why there can be no such root here; null when there can.</summary>
    /// <param name="program">The program, where it is installed.</param>
    public static string? WhyNot(out string? program)
    {
        program = ToolProbe.Find("fuse-overlayfs");
        if (program is null)
        {
            return "not installed";
        }

        fixed (byte* path = CString.Bytes(Device))
        {
            int device = Kernel.openat(Kernel.AT_FDCWD, path, Kernel.O_RDWR | Kernel.O_CLOEXEC);
            if (device >= 0)
            {
                Kernel.close(device);
            }

            return device >= 0 ? null
                : (Errno)(-device) == Errno.ENOENT ? $"there is no {Device}"
                : $"{Device} cannot be opened: {ErrnoText.Describe((Errno)(-device))}";
        }
    }
}
