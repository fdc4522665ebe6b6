using Containers.Native;
using Containers.Storage;

namespace Containers.Launch;

/// <summary>The image's layers with an upper directory over them, as a program makes them one.</summary>
internal sealed class AttachFuseOverlay(LaunchRequest request) : LaunchOperation
{
    public override string Name => "attach the overlay of fuse-overlayfs to \"/\"";

    public override string Why => "The layers are the root, and changes go to a directory of the container's own; a program does it, since the kernel does it for root only";

    public override void Compile(PlanCompiler plan)
    {
        plan.Add(SystemCall.fcntl, request.HostRoot, Kernel.F_DUPFD_CLOEXEC, 3).Into(plan.Root);
        plan.Attach(plan.Root, Kernel.AT_FDCWD, request.Seen(request.RootMountPoint));
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

        script.Inside($"fuse-overlayfs -o {ShellScript.Quote(FuseOptions.Of(request))} \"$state/upper\"");
        script.Inside("root=$state/upper");
    }
}
