using System.Globalization;
using Containers.Native;

namespace Containers.Resources;

/// <summary>A disk, as limits on its use name it.</summary>
internal static unsafe class BlockDevice
{
    /// <summary>Its numbers, "8:0".</summary>
    /// <param name="device">A path, or numbers.</param>
    /// <exception cref="ContainerException">There is no such disk.</exception>
    public static string Find(string device)
    {
        string numbers = device;
        if (device.StartsWith('/'))
        {
            Kernel.statx_t status;
            fixed (byte* path = CString.Bytes(device))
            {
                int result = Kernel.statx(Kernel.AT_FDCWD, path, 0, Kernel.STATX_BASIC_STATS, &status);
                if (result < 0)
                {
                    throw new KernelException("find the disk", device, (Errno)(-result));
                }
            }

            if (status.Type != Kernel.S_IFBLK)
            {
                throw new ContainerException($"The disk \"{device}\" whose use is to be limited is no block device.", "A device such as /dev/sda is expected, or its numbers as \"8:0\": lsblk lists them.");
            }

            numbers = string.Create(CultureInfo.InvariantCulture, $"{status.stx_rdev_major}:{status.stx_rdev_minor}");
        }

        string system = "/sys/dev/block/" + numbers;
        if (numbers.Split(':') is not [{ Length: > 0 } major, { Length: > 0 } minor] || !major.All(char.IsAsciiDigit) || !minor.All(char.IsAsciiDigit) || !Directory.Exists(system))
        {
            throw new ContainerException($"There is no disk \"{device}\" whose use could be limited.", "A device such as /dev/sda is expected, or its numbers as \"8:0\": lsblk lists them.");
        }

        // The kernel limits disks and refuses partitions of them: the directory of a partition lies in its disk's.
        return File.Exists(system + "/partition") ? File.ReadAllText(system + "/../dev").Trim() : numbers;
    }
}
