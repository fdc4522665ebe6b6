using System.Globalization;
using Containers.Launch;
using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>An overlay whose lower directories show the owners that a container has: one unpacked layer serves all of them, whatever their ids are.</summary>
/// <remarks>It is mounted by root, so that it is the ordinary kind, with trusted.* attributes, and needs no file system or kernel that lets users mount it. Linux 5.19.</remarks>
internal static unsafe class OverlayOnMapped
{
    /// <summary>Mounts it, on the thread whose mounts nobody sees.</summary>
    public static MountHandle Make(LaunchRequest request, NamespaceHandle users)
    {
        string place = request.StateDirectory + "/lower";
        Directory.CreateDirectory(place);
        if (request.Disk is { } disk)
        {
            MountDisk(request, disk);
        }

        try
        {
            using MountHandle scratch = MountHandle.Create("tmpfs", [("mode", "700")]);
            scratch.Attach(place);
            try
            {
                return Mount(request, Attach(request.LowerDirectories, users, place), place + "/root");
            }
            finally
            {
                MountHandle.Detach(place); // with all that is mounted in it: the overlay has its own copies
            }
        }
        finally
        {
            Directory.Delete(place);
            if (request.Disk is not null)
            {
                MountHandle.Detach(request.DiskMountPoint);
            }
        }
    }

    private static void MountDisk(LaunchRequest request, Limits.MemoryDisk disk)
    {
        using MountHandle memory = MountHandle.Create("tmpfs", disk.Options.Split(',').Select(option => option.Split('=')).Select(option => (option[0], (string?)option[1])), MountAttributes.NoSetUserId | MountAttributes.NoDevices);
        memory.Attach(request.DiskMountPoint);
        Directory.CreateDirectory(request.Work);
        fixed (byte* upper = CString.Bytes(request.Upper))
        {
            uint user = IdMaps.ToHost(request.Maps!.Users, disk.UserId) ?? request.Maps.Root.User, group = IdMaps.ToHost(request.Maps.Groups, disk.GroupId) ?? request.Maps.Root.Group;
            Kernel.Check(Kernel.mkdirat(Kernel.AT_FDCWD, upper, 0x1c0), "make the directory", request.Upper);
            Kernel.Check(Kernel.fchownat(Kernel.AT_FDCWD, upper, user, group, 0), "chown", request.Upper);
            Kernel.Check(Kernel.fchmodat(Kernel.AT_FDCWD, upper, disk.Mode), "chmod", request.Upper);
        }
    }

    private static List<string> Attach(IReadOnlyList<string> directories, NamespaceHandle users, string place)
    {
        List<string> lowers = [];
        foreach (string directory in directories)
        {
            string target = string.Create(CultureInfo.InvariantCulture, $"{place}/{lowers.Count}");
            Directory.CreateDirectory(target);
            using MountHandle lower = MountHandle.Clone(directory);
            IdMapped.Map(lower, users, directory);
            lower.Attach(target);
            lowers.Add(target);
        }

        return lowers;
    }

    private static MountHandle Mount(LaunchRequest request, List<string> lowers, string target)
    {
        // No devices: an image may have some, and root of a container with users of its own is to reach none of them.
        try
        {
            if (KernelFeatures.Current.OverlayLowerAppend)
            {
                return MountHandle.Create("overlay",
                    [.. lowers.Select(lower => ("lowerdir+", (string?)lower)), ("upperdir", request.Upper), ("workdir", request.Work), ("volatile", null)],
                    MountAttributes.NoDevices);
            }

            Directory.CreateDirectory(target);
            string options = $"lowerdir={MountOverlay.Join(lowers)},upperdir={MountOverlay.Escape(request.Upper)},workdir={MountOverlay.Escape(request.Work)},volatile";
            MountOverlay.CheckLength(options, lowers.Count);
            fixed (byte* overlay = "overlay\0"u8, path = CString.Bytes(target), text = CString.Bytes(options))
            {
                Kernel.Check(Kernel.mount(overlay, path, overlay, Kernel.MS_NODEV, text), "mount overlay");
            }

            return MountHandle.Clone(target);
        }
        catch (KernelException exception) when (exception.Errno == Errno.EINVAL)
        {
            throw new KernelException(exception.Operation, exception.Operand, exception.Errno, $"Overlays take layers whose owners are mapped from Linux 5.19 on. {IdMapped.WaysOut}");
        }
    }
}
