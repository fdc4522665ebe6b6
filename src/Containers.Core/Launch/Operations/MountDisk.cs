using Containers.Limits;
using Containers.Native;

namespace Containers.Launch;

/// <summary>A file system of limited size for the overlay's upper directory.</summary>
internal sealed unsafe class MountDisk(LaunchRequest request, MemoryDisk disk) : LaunchOperation
{
    public override string Name => "mount tmpfs for changes";

    public override string Why => "Changes to the root go to memory, and end where the limit is";

    public override void Compile(PlanCompiler plan)
    {
        plan.NewFileSystem("tmpfs", disk.Options, Kernel.MOUNT_ATTR_NOSUID | Kernel.MOUNT_ATTR_NODEV, plan.Mount);
        Argument upper = StepProgram.Constant("upper");
        plan.Add(SystemCall.mkdirat, plan.Mount, upper, disk.Mode);
        if (request.Maps is null && (disk.UserId | disk.GroupId) != 0) // root of a user namespace is who it belongs to
        {
            plan.Add(SystemCall.fchownat, plan.Mount, upper, disk.UserId, disk.GroupId, 0);
        }

        if ((disk.Mode & 0xC00) != 0)
        {
            plan.Add(SystemCall.fchmodat, plan.Mount, upper, disk.Mode); // mkdir(2) takes no setuid nor setgid
        }

        plan.Add(SystemCall.mkdirat, plan.Mount, StepProgram.Constant("work"), 0x1c0 /* 0700 */);
        plan.Attach(plan.Mount, Kernel.AT_FDCWD, request.Seen(request.DiskMountPoint));
    }

    public override void Shell(ShellScript script)
    {
        // With the overlay's command: it is there that the directories are made.
    }

    public override string? Hint(Errno errno) => errno == Errno.ENODEV ? "The kernel has no tmpfs." : null;
}
