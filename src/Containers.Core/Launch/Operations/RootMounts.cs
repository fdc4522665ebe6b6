using System.Text;
using Containers.Host;
using Containers.Native;

namespace Containers.Launch;

/// <summary>Cuts the copy of the host's mounts off from the host.</summary>
internal sealed unsafe class MakeMountsPrivate : LaunchOperation
{
    public override string Name => "make mounts private";

    public override string Why => "What is mounted from here on must not appear on the host";

    public override void Compile(PlanCompiler plan)
        => plan.Add(SystemCall.mount, 0, StepProgram.Constant("/"), 0, Kernel.MS_REC | Kernel.MS_PRIVATE, 0);

    public override void Shell(ShellScript script) => script.Inside("mount --make-rprivate /");
}

/// <summary>The image's layers with an upper directory over them.</summary>
internal sealed unsafe class MountOverlay(LaunchRequest request) : LaunchOperation
{
    public override string Name => "mount overlay on \"/\"";

    public override string Why => "The layers are the root, and changes go to a directory of the container's own";

    public override void Compile(PlanCompiler plan)
    {
        if (request.HostRoot >= 0)
        {
            plan.Add(SystemCall.fcntl, request.HostRoot, Kernel.F_DUPFD_CLOEXEC, 3).Into(plan.Root);
            plan.Attach(plan.Root, Kernel.AT_FDCWD, request.Seen(request.RootMountPoint));
        }
        else if (plan.Features.OverlayLowerAppend)
        {
            plan.Add(SystemCall.fsopen, StepProgram.Constant("overlay"), Kernel.FSOPEN_CLOEXEC).Into(plan.Context);
            plan.Set("source", "overlay");
            foreach (string lower in request.LowerDirectories)
            {
                plan.Set("lowerdir+", lower);
            }

            plan.Set("upperdir", request.Seen(request.Upper));
            plan.Set("workdir", request.Seen(request.Work));
            if (request.Maps is not null)
            {
                plan.Flag("userxattr"); // Linux 5.11: trusted.* is not for root of a user namespace
            }

            // Nothing of it outlives the container, so nothing has to reach the disk: without this, unmounting would
            // sync the whole file system below. Linux 5.10, overlayfs.rst "Volatile mount".
            plan.Flag("volatile");
            plan.CreateMount(request.NodesWork ? 0 : Kernel.MOUNT_ATTR_NODEV, plan.Root);
            plan.Attach(plan.Root, Kernel.AT_FDCWD, request.Seen(request.RootMountPoint));
        }
        else
        {
            MountByOptions(plan);
        }
    }

    public override void Shell(ShellScript script)
    {
        script.Outside($"state={ShellScript.Quote(request.StateDirectory)}");
        script.Outside("mkdir -p \"$state/upper\" \"$state/work\"");
        script.Inside($"state={ShellScript.Quote(request.StateDirectory)}");
        if (request.Disk is { } disk)
        {
            script.Inside($"mount -t tmpfs -o {disk.Options} tmpfs \"$state/work\"; mkdir \"$state/work/upper\" \"$state/work/work\"");
        }

        string upper = InState(request.Upper), work = InState(request.Work);
        script.Inside($"mount -t overlay overlay -o {ShellScript.Quote("lowerdir=" + Lowers())},upperdir=\"{upper}\",workdir=\"{work}\",volatile{(request.NodesWork ? "" : ",nodev")} \"$state/upper\"");
        script.Inside("root=$state/upper");
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.EACCES when request.Maps is not null => "The root inside, who is another user on the host, has to be let in by each directory on the way to the root's.",
        Errno.EPERM or Errno.EINVAL when request.Maps is not null => UserNamespaces.HostRestrictions.Find()
            ?? $"Overlays in user namespaces came with Linux 5.11, and some file systems serve as none's upper directory (the store is \"{request.StateDirectory}\"): WithCopiedRoot() gives the container a copy of its root instead{FuseWay}. {HostHints.Refer}",
        Errno.EPERM => "Mounting an overlay needs root (CAP_SYS_ADMIN). " + HostHints.Refer,
        Errno.ENODEV => "The kernel has no overlay file system: load its module (modprobe overlay). " + HostHints.Refer,
        Errno.EINVAL => $"The file system of \"{request.StateDirectory}\" may not serve as an overlay's upper directory (it is an overlay or a network file system): choose another store. The kernel's log has the reason.",
        Errno.ESTALE or Errno.EBUSY => "The upper or work directory is in use by another overlay.",
        _ => null,
    };

    // Where root is on both sides of the user namespace, it is no way.
    private static string FuseWay
        => Kernel.geteuid() == 0 ? ""
            : Storage.FuseHost.WhyNot(out _) is { } why ? $"; WithFuseOverlayRoot() would give it an overlay by fuse-overlayfs, but for this: {why}"
            : ", and WithFuseOverlayRoot() an overlay by fuse-overlayfs";

    private string InState(string path) => "$state" + path[request.StateDirectory.Length..];

    private string Lowers() => Join(request.LowerDirectories);

    /// <summary>Directories as an option of mount(2) names them.</summary>
    public static string Join(IReadOnlyList<string> directories) => string.Join(':', directories.Select(Escape));

    public static string Escape(string path) => path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);

    public static void CheckLength(string options, int layers)
    {
        if (Encoding.UTF8.GetByteCount(options) >= Environment.SystemPageSize)
        {
            throw new ContainerException($"mount overlay: the paths of {layers} layers do not fit into one page of mount options.",
                "Linux 6.7 and newer take them one by one; a store with a shorter path helps too. " + HostHints.Refer);
        }
    }

    // Before Linux 6.7: one string, of which the kernel takes one page.
    private void MountByOptions(PlanCompiler plan)
    {
        string options = $"lowerdir={Lowers()},upperdir={Escape(request.Seen(request.Upper))},workdir={Escape(request.Seen(request.Work))},volatile{(request.Maps is null ? "" : ",userxattr")}";
        CheckLength(options, request.LowerDirectories.Count);
        plan.Add(SystemCall.mount, StepProgram.Constant("overlay"), plan.Text(request.Seen(request.RootMountPoint)), StepProgram.Constant("overlay"), request.NodesWork ? 0 : Kernel.MS_NODEV, plan.Text(options));
        plan.Add(SystemCall.openat, Kernel.AT_FDCWD, plan.Text(request.Seen(request.RootMountPoint)), Kernel.O_PATH | Kernel.O_DIRECTORY | Kernel.O_CLOEXEC).Into(plan.Root);
    }
}

/// <summary>A directory of the host as root, changed by what the container does.</summary>
internal sealed unsafe class BindRoot(LaunchRequest request) : LaunchOperation
{
    private readonly string _directory = request.LowerDirectories[0];

    public override string Name => $"bind the root \"{_directory}\"";

    public override string Why => "pivot_root takes a mount as the new root, and this directory need not be one";

    public override void Compile(PlanCompiler plan)
    {
        if (request.HostRoot >= 0)
        {
            plan.Add(SystemCall.fcntl, request.HostRoot, Kernel.F_DUPFD_CLOEXEC, 3).Into(plan.Root);
        }
        else if (request.Maps is null)
        {
            Open(plan);
        }

        if (!request.NodesWork)
        {
            plan.Restrict(plan.Root, Kernel.MS_NODEV, attached: false, recursive: true);
        }

        plan.Attach(plan.Root, Kernel.AT_FDCWD, request.Seen(request.RootMountPoint));
        if (request.HostRoot >= 0)
        {
            plan.MakePrivate(plan.Root);
        }

        if (!request.NodesWork)
        {
            plan.Restrict(plan.Root, Kernel.MS_NODEV, attached: true, HostMounts.FlagsFor(plan.Features, _directory));
        }
    }

    /// <summary>Opens the directory; with users of its own the child does so earlier than it mounts, see <see cref="OpenBinds"/>.</summary>
    public static void Open(PlanCompiler plan)
        => plan.Add(SystemCall.open_tree, Kernel.AT_FDCWD, plan.Text(plan.Request.LowerDirectories[0]), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC | Kernel.AT_RECURSIVE).Into(plan.Root);

    public override void Shell(ShellScript script)
    {
        script.Outside($"state={ShellScript.Quote(request.StateDirectory)}");
        script.Outside("mkdir -p \"$state/root\" \"$state/etc\"");
        script.Inside($"state={ShellScript.Quote(request.StateDirectory)}");
        script.Inside("root=$state/root");
        if (request.Spec.RootMode == RootMode.Copy)
        {
            script.Inside($"mkdir {ShellScript.Quote(_directory)}");
            foreach (string layer in request.CopiedDirectories.Reverse())
            {
                script.Inside($"cp -a --reflink=auto {ShellScript.Quote(layer)}/. {ShellScript.Quote(_directory)}"); // and what a layer hides is taken away
            }
        }

        script.Inside($"mount --rbind {ShellScript.Quote(_directory)} \"$root\"");
        if (!request.NodesWork)
        {
            script.Inside("mount -o remount,bind,nodev \"$root\"");
        }
    }
}

/// <summary>Forbids changes to the root, once all that has to be made in it has been made.</summary>
internal sealed unsafe class MakeRootReadOnly(LaunchRequest request) : LaunchOperation
{
    public override string Name => "make the root read-only";

    public override string Why => "The command was to find a root it cannot change";

    public override void Compile(PlanCompiler plan)
    {
        plan.ReadOnly(plan.Root, attached: false);
        plan.ReadOnly(plan.Root, attached: true, (request.NodesWork ? 0 : Kernel.MS_NODEV) | (request.Overlay ? 0 : HostMounts.FlagsFor(plan.Features, request.LowerDirectories[0])));
    }

    public override void Shell(ShellScript script) => script.Inside($"mount -o remount,bind,ro{(request.NodesWork ? "" : ",nodev")} \"$root\"");
}

/// <summary>The root becomes "/", and the host's is let go.</summary>
internal sealed unsafe class EnterRoot(bool privateMounts) : LaunchOperation
{
    public override string Name => privateMounts ? "pivot_root" : "chroot";

    public override string Why => privateMounts
        ? "The root becomes /, and the host's mounts are detached: there is no way back to what is not there"
        : "The mount namespace is the host's, whose root must not be exchanged";

    public override void Compile(PlanCompiler plan)
    {
        plan.Add(SystemCall.fchdir, plan.Root);
        Argument dot = StepProgram.Constant(".");
        if (privateMounts)
        {
            // With both the same, the old root is stacked over the new one and detached from there: pivot_root(2), NOTES.
            plan.Add(SystemCall.pivot_root, dot, dot);
            plan.Add(SystemCall.umount2, dot, Kernel.MNT_DETACH);
        }
        else
        {
            plan.Add(SystemCall.chroot, dot);
        }

        plan.Add(SystemCall.chdir, StepProgram.Constant("/"));
    }

    public override void Shell(ShellScript script)
    {
        script.Because("The runtime calls pivot_root(\".\", \".\") and umount2(\".\", MNT_DETACH) here. A shell cannot: the programs it would need are on the");
        script.Inside("# root that goes away. Moving the new root over / and changing into it shows the container the same mounts.");
        script.Inside("cd \"$root\"");
        if (privateMounts)
        {
            script.Inside("mount --move . /");
        }
    }
}
