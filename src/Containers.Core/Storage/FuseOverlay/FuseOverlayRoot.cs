using System.Globalization;
using Containers.Host;
using Containers.Launch;
using Containers.Limits;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Storage;

/// <summary>
/// A root that fuse-overlayfs(1) makes of the layers: an overlay where the kernel has none for this user. One process for each container, in
/// the container's user namespace, so that owners mean there what they mean inside, and in none of its other namespaces.
/// </summary>
/// <remarks>
/// The descriptor of /dev/fuse has to be opened in the user namespace that the file system belongs to (fs/fuse/inode.c, Linux 4.18), and the mount made by who has
/// privileges there: both is the <see cref="Deputy"/>'s. The program gets the descriptor as its mount point, and mounts nothing: libfuse 3.3.
/// It is killed with this process, and the file system answers ENOTCONN from then on, to whoever would still ask.
/// </remarks>
internal sealed unsafe class FuseOverlayRoot : LaunchPart
{
    // What it says of options that it adds itself.
    private const string Noise = "unknown argument ignored";

    private readonly string _program;
    private MountHandle? _root;
    private HelperProgram? _process;

    private FuseOverlayRoot(string program) => _program = program;

    /// <summary>Its part in a container whose root it is to make; null for one that has another root.</summary>
    /// <exception cref="ContainerException">The host has not what it takes, or the container asks for what it cannot give.</exception>
    public static FuseOverlayRoot? Make(ContainerSpec spec)
    {
        if (spec.RootMode != RootMode.FuseOverlay)
        {
            return null;
        }

        bool hasUsers = spec.Private(ContainerNamespaces.User);
        if (hasUsers && Kernel.geteuid() == 0)
        {
            throw new ContainerException("Where this process is root, a container with users of its own cannot have its root from fuse-overlayfs.",
                $"{nameof(ContainerBuilder.WithOverlayRoot)}() has an overlay whose owners are mapped (Linux 5.19), {nameof(ContainerBuilder.WithCopiedRoot)}() a copy, on any kernel.");
        }

        if (hasUsers && !spec.Private(ContainerNamespaces.Pid) && spec.Capabilities.Contains(Capability.SysPtrace))
        {
            // It could trace the program, which has the same user namespace and all of the host's files.
            throw new ContainerException("A container whose root is from fuse-overlayfs, and that has the host's processes in sight, cannot have the capability to trace processes.",
                $"Leave one of them out: {nameof(ContainerBuilder.WithFuseOverlayRoot)}(), {nameof(ContainerBuilder.WithHostPidNs)}() or {nameof(Capability.SysPtrace)}.");
        }

        string? why = FuseHost.WhyNot(out string? program);
        return why is null ? new FuseOverlayRoot(program!) : throw new ContainerException($"The root cannot be from fuse-overlayfs: {why}.", HostHints.For(HostFeature.FuseOverlayfs));
    }

    /// <summary>What a plan would have of it, with nothing made.</summary>
    public static void ForeseeRoot(LaunchRequest request)
    {
        if (request.Spec.RootMode == RootMode.FuseOverlay)
        {
            request.HostRoot = 5; // a number that a descriptor may have
        }
    }

    public override void Prepare(LaunchRequest request)
    {
        string options = FuseOptions.Of(request);
        if (request.Disk is { } disk)
        {
            MountDisk(request, disk);
        }

        using (PathHandle device = OpenDevice(request.Deputy))
        {
            _root = Mount(request, device);
            _process = new HelperProgram(_program, ["fuse-overlayfs", "-f", "-o", options, $"/dev/fd/{HelperProgram.KeptDescriptor}"], device, request.Deputy, request.Maps);
        }

        WaitUntilServed(request);
        _process.Settle();
        request.HostRoot = _root.Descriptor;
    }

    public override void Started(Container container) => _root?.Dispose(); // the mount is in the container, and in no other place

    /// <summary>Whoever waits for an answer of it could not be killed before he has it, however long that takes.</summary>
    public override void Kill() => _process?.Kill();

    public override void Dispose()
    {
        _root?.Dispose();
        _process?.Dispose();
        base.Dispose();
    }

    private static PathHandle OpenDevice(Deputy? deputy)
    {
        fixed (byte* path = CString.Bytes(FuseHost.Device))
        {
            return new PathHandle((int)Kernel.Check(Deputy.Call(deputy, SystemCall.openat, Kernel.AT_FDCWD, (long)path, Kernel.O_RDWR | Kernel.O_CLOEXEC), "open", FuseHost.Device));
        }
    }

    // The kernel checks permissions, for all users of the namespace: without default_permissions it would ask nobody.
    private static MountHandle Mount(LaunchRequest request, PathHandle device) => MountHandle.Create("fuse",
        [
            ("source", "fuse-overlayfs"), ("fd", device.Descriptor.ToString(CultureInfo.InvariantCulture)), ("rootmode", "40000"), ("user_id", "0"), ("group_id", "0"),
            ("default_permissions", null), ("allow_other", null),
        ],
        request.NodesWork ? MountAttributes.None : MountAttributes.NoDevices, request.Deputy);

    // In the deputy's mount namespace, which is the program's, too, and which the container's begins as a copy of.
    private static void MountDisk(LaunchRequest request, MemoryDisk disk)
    {
        Deputy deputy = request.Deputy
            ?? throw new ContainerException("The changes of a root from fuse-overlayfs cannot be kept in memory where this process is root.", "DiskLimitKind.ProjectQuota limits them, on a file system that has quotas.");
        using MountHandle memory = MountHandle.Create("tmpfs", disk.Options.Split(',').Select(option => option.Split('=')).Select(option => (option[0], (string?)option[1])),
            MountAttributes.NoSetUserId | MountAttributes.NoDevices, deputy);
        fixed (byte* upper = "upper\0"u8, work = "work\0"u8)
        {
            Kernel.Check(deputy.Call(SystemCall.mkdirat, memory.Descriptor, (long)upper, disk.Mode), "make the directory", request.Upper);
            Kernel.Check(deputy.Call(SystemCall.fchmodat, memory.Descriptor, (long)upper, disk.Mode), "chmod", request.Upper);
            Kernel.Check(deputy.Call(SystemCall.mkdirat, memory.Descriptor, (long)work, 0x1c0 /* 0700 */), "make the directory", request.Work);
        }

        memory.Attach(request.DiskMountPoint, deputy);
    }

    // Until then whatever touches the root waits; when the program is gone, it fails.
    private void WaitUntilServed(LaunchRequest request)
    {
        const int ForceSync = 0x2000; // AT_STATX_FORCE_SYNC: ask, whatever is known
        Kernel.statx_t status;
        fixed (byte* empty = "\0"u8)
        {
            long result = Deputy.Call(request.Deputy, SystemCall.statx, _root!.Descriptor, (long)empty, Kernel.AT_EMPTY_PATH | ForceSync, Kernel.STATX_BASIC_STATS, (long)&status);
            if (result >= 0)
            {
                return;
            }

            _process!.Kill();
            string said = string.Join("; ", (_process.Failure() ?? ErrnoText.Describe((Errno)(-result))).Split('\n').Where(line => !line.StartsWith(Noise, StringComparison.Ordinal)));
            throw new ContainerException($"fuse-overlayfs does not start: {said.TrimEnd('.')}.",
                request.Maps is null ? null : "It runs as root inside, who has to be let in by each directory on the way to the layers and to the store, and may use only files of owners that the container has.");
        }
    }
}
