using Containers.Native;

namespace Containers.Security.Credentials;

/// <summary>A node of the host, looked at.</summary>
internal readonly record struct DeviceNode(ContainerDevice Device, uint Mode, uint Major, uint Minor, uint Uid, uint Gid)
{
    public char Type => (Mode & Kernel.S_IFMT) == Kernel.S_IFBLK ? 'b' : 'c';

    public DeviceRule Rule => new(Type, (int)Major, (int)Minor, Device.Access);
}

/// <summary>Devices that a container is given.</summary>
internal static unsafe class DeviceNodes
{
    public static ContainerDevice Check(ContainerDevice device)
    {
        string[] parts = device.Target.Split('/');
        if (!device.Target.StartsWith("/dev/", StringComparison.Ordinal) || Array.Exists(parts[1..], part => part is "" or "." or ".."))
        {
            throw new ContainerException($"The device \"{device.Target}\" is not possible: its place inside has to be below /dev.");
        }

        return device.Access.Length > 0 && device.Access.All("rwm".Contains) ? device
            : throw new ContainerException($"The access \"{device.Access}\" to the device \"{device.Source}\" is not possible: letters of \"rwm\" are.");
    }

    /// <summary>What kind of device a node is.</summary>
    /// <exception cref="ContainerException">It is none, or is not there.</exception>
    public static DeviceNode Find(ContainerDevice device)
    {
        Kernel.statx_t status;
        fixed (byte* path = CString.Bytes(device.Source))
        {
            Kernel.Check(Kernel.statx(Kernel.AT_FDCWD, path, 0, Kernel.STATX_BASIC_STATS, &status), "look at the device", device.Source);
        }

        return (status.stx_mode & Kernel.S_IFMT) is Kernel.S_IFCHR or Kernel.S_IFBLK
            ? new DeviceNode(device, status.stx_mode, status.stx_rdev_major, status.stx_rdev_minor, status.stx_uid, status.stx_gid)
            : throw new ContainerException($"\"{device.Source}\" is no device.", $"{nameof(ContainerBuilder.WithBind)} is for files and directories.");
    }
}
