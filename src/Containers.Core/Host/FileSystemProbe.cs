using Containers.Launch;
using Containers.Native;
using static Containers.HostCapabilities;

namespace Containers.Host;

/// <summary>Overlays and mounts.</summary>
internal static unsafe class FileSystemProbe
{
    public static IEnumerable<HostCapability> All()
    {
        bool root = Kernel.geteuid() == 0;
        yield return Answer(HostFeature.Overlay, root ? Overlay(Kernel.CLONE_NEWNS, _ => { }) : ("mount", Errno.EPERM));
        yield return Answer(HostFeature.OverlayInUserNamespace, Overlay(Kernel.CLONE_NEWNS | Kernel.CLONE_NEWUSER, ProbeChild.AddOwnMaps, "userxattr"));
        yield return If(HostFeature.OverlayLowerAppend, KernelFeatures.Current.OverlayLowerAppend);
        yield return If(HostFeature.MountSetattr, KernelFeatures.Current.MountSetattr);
        foreach (HostCapability idmapped in Idmapped())
        {
            yield return idmapped;
        }
    }

    private static HostCapability Answer(HostFeature feature, (string, Errno)? failure)
        => failure is { } known ? No(feature, ProbeChild.Describe(known)) : Yes(feature);

    // All of it in a tmpfs over /proc, of a mount namespace that ends with the child.
    private static (string, Errno)? Overlay(ulong namespaces, Action<StepProgram> first, string? option = null, int lower = -1)
        => ProbeChild.Try(namespaces, program =>
        {
            first(program);
            ProbeChild.AddPrivateMounts(program);
            Slot context = program.NewSlot(), mount = program.NewSlot();
            Argument empty = program.Text("");
            program.Add(SystemCall.fsopen, program.Text("tmpfs"), Kernel.FSOPEN_CLOEXEC).Into(context);
            program.Add(SystemCall.fsconfig, context, Kernel.FSCONFIG_CMD_CREATE);
            program.Add(SystemCall.fsmount, context, Kernel.FSMOUNT_CLOEXEC).Into(mount);
            foreach (string name in (ReadOnlySpan<string>)["lower", "upper", "work"])
            {
                program.Add(SystemCall.mkdirat, mount, program.Text(name), 0x1ed /* 0755 */);
            }

            program.Add(SystemCall.move_mount, mount, empty, Kernel.AT_FDCWD, program.Text("/proc"), Kernel.MOVE_MOUNT_F_EMPTY_PATH);
            if (lower >= 0)
            {
                program.Add(SystemCall.move_mount, lower, empty, Kernel.AT_FDCWD, program.Text("/proc/lower"), Kernel.MOVE_MOUNT_F_EMPTY_PATH);
            }

            program.Add(SystemCall.fsopen, program.Text("overlay"), Kernel.FSOPEN_CLOEXEC).Into(context);
            foreach ((string key, string value) in (ReadOnlySpan<(string, string)>)[("lowerdir", "/proc/lower"), ("upperdir", "/proc/upper"), ("workdir", "/proc/work")])
            {
                program.Add(SystemCall.fsconfig, context, Kernel.FSCONFIG_SET_STRING, program.Text(key), program.Text(value));
            }

            if (option is not null)
            {
                program.Add(SystemCall.fsconfig, context, Kernel.FSCONFIG_SET_FLAG, program.Text(option));
            }

            program.Add(SystemCall.fsconfig, context, Kernel.FSCONFIG_CMD_CREATE);
            program.Add(SystemCall.fsmount, context, Kernel.FSMOUNT_CLOEXEC);
        });

    // On the file system that images are unpacked to by default.
    private static List<HostCapability> Idmapped()
    {
        string directory = new ImageStore().Path;
        while (!Directory.Exists(directory))
        {
            directory = Path.GetDirectoryName(directory)!;
        }

        (MountHandle? Mount, string Why) mapped = Map(directory);
        using (mapped.Mount)
        {
            return mapped.Mount is { } mount
                ?
                [
                    Yes(HostFeature.IdmappedMounts, $"on \"{directory}\""),
                    Answer(HostFeature.OverlayIdmappedLower, Overlay(Kernel.CLONE_NEWNS, _ => { }, lower: mount.Descriptor)),
                ]
                : [No(HostFeature.IdmappedMounts, mapped.Why), No(HostFeature.OverlayIdmappedLower, mapped.Why)];
        }
    }

    private static (MountHandle?, string) Map(string directory)
    {
        if (Kernel.geteuid() != 0)
        {
            return (null, "a mount of a file system of the host can be mapped by root only");
        }

        using StepProgram program = new();
        program.AddGate(0);
        LaunchedChild child;
        try
        {
            child = Launcher.Launch(program, Kernel.CLONE_NEWUSER);
        }
        catch (KernelException e)
        {
            return (null, e.Message);
        }

        using (child.Handle)
        {
            try
            {
                File.WriteAllText($"/proc/{child.Pid}/uid_map", "0 100000 65536");
                File.WriteAllText($"/proc/{child.Pid}/gid_map", "0 100000 65536");
                using NamespaceHandle user = NamespaceHandle.Open(child.Pid, "user");
                MountHandle mount = MountHandle.Clone(directory);
                Kernel.mount_attr attributes = new() { attr_set = Kernel.MOUNT_ATTR_IDMAP, userns_fd = (ulong)user.Descriptor };
                int result;
                fixed (byte* empty = "\0"u8)
                {
                    result = Kernel.mount_setattr(mount.Descriptor, empty, Kernel.AT_EMPTY_PATH, &attributes);
                }

                if (result < 0)
                {
                    mount.Dispose();
                }

                return result < 0 ? (null, $"mount_setattr on \"{directory}\": {ErrnoText.Describe((Errno)(-result))}") : (mount, "");
            }
            catch (Exception e) when (e is KernelException or IOException or UnauthorizedAccessException)
            {
                return (null, e.Message);
            }
            finally
            {
                child.Open(0);
                child.WaitForExec();
                child.Handle.WaitForExit();
                child.Handle.TryReap(out _, out _);
            }
        }
    }
}
