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
        if (plan.Features.OverlayLowerAppend)
        {
            plan.Add(SystemCall.fsopen, StepProgram.Constant("overlay"), Kernel.FSOPEN_CLOEXEC).Into(plan.Context);
            plan.Set("source", "overlay");
            foreach (string lower in request.LowerDirectories)
            {
                plan.Set("lowerdir+", lower);
            }

            plan.Set("upperdir", request.Upper);
            plan.Set("workdir", request.Work);
            // Nothing of it outlives the container, so nothing has to reach the disk: without this, unmounting would
            // sync the whole file system below. Linux 5.10, overlayfs.rst "Volatile mount".
            plan.Flag("volatile");
            plan.CreateMount(0, plan.Root);
            plan.Attach(plan.Root, Kernel.AT_FDCWD, request.RootMountPoint);
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
        script.Inside($"mount -t overlay overlay -o {ShellScript.Quote("lowerdir=" + Lowers())},upperdir=\"{upper}\",workdir=\"{work}\",volatile \"$state/upper\"");
        script.Inside("root=$state/upper");
    }

    public override string? Hint(Errno errno) => errno switch
    {
        Errno.EPERM => "Mounting an overlay needs root (CAP_SYS_ADMIN). " + HostHints.Refer,
        Errno.ENODEV => "The kernel has no overlay file system: load its module (modprobe overlay). " + HostHints.Refer,
        Errno.EINVAL => $"The file system of \"{request.StateDirectory}\" may not serve as an overlay's upper directory (it is an overlay or a network file system): choose another store. The kernel's log has the reason.",
        Errno.ESTALE or Errno.EBUSY => "The upper or work directory is in use by another overlay.",
        _ => null,
    };

    private string InState(string path) => "$state" + path[request.StateDirectory.Length..];

    private string Lowers() => string.Join(':', request.LowerDirectories.Select(Escape));

    private static string Escape(string path) => path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);

    // Before Linux 6.7: one string, of which the kernel takes one page.
    private void MountByOptions(PlanCompiler plan)
    {
        string options = $"lowerdir={Lowers()},upperdir={Escape(request.Upper)},workdir={Escape(request.Work)},volatile";
        if (Encoding.UTF8.GetByteCount(options) >= Environment.SystemPageSize)
        {
            throw new ContainerException($"mount overlay: the paths of {request.LowerDirectories.Count} layers do not fit into one page of mount options.",
                "Linux 6.7 and newer take them one by one; a store with a shorter path helps too. " + HostHints.Refer);
        }

        plan.Add(SystemCall.mount, StepProgram.Constant("overlay"), plan.Text(request.RootMountPoint), StepProgram.Constant("overlay"), 0, plan.Text(options));
        plan.Add(SystemCall.openat, Kernel.AT_FDCWD, plan.Text(request.RootMountPoint), Kernel.O_PATH | Kernel.O_DIRECTORY | Kernel.O_CLOEXEC).Into(plan.Root);
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
        plan.Add(SystemCall.open_tree, Kernel.AT_FDCWD, plan.Text(_directory), Kernel.OPEN_TREE_CLONE | Kernel.OPEN_TREE_CLOEXEC | Kernel.AT_RECURSIVE).Into(plan.Root);
        plan.Attach(plan.Root, Kernel.AT_FDCWD, request.RootMountPoint);
    }

    public override void Shell(ShellScript script)
    {
        script.Outside($"state={ShellScript.Quote(request.StateDirectory)}");
        script.Outside("mkdir -p \"$state/root\" \"$state/etc\"");
        script.Inside($"state={ShellScript.Quote(request.StateDirectory)}");
        script.Inside("root=$state/root");
        script.Inside($"mount --rbind {ShellScript.Quote(_directory)} \"$root\"");
    }
}

/// <summary>Forbids changes to the root, once all that has to be made in it has been made.</summary>
internal sealed unsafe class MakeRootReadOnly : LaunchOperation
{
    public override string Name => "make the root read-only";

    public override string Why => "The command was to find a root it cannot change";

    public override void Compile(PlanCompiler plan)
    {
        plan.ReadOnly(plan.Root, attached: false);
        plan.ReadOnly(plan.Root, attached: true);
    }

    public override void Shell(ShellScript script) => script.Inside("mount -o remount,bind,ro \"$root\"");
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
