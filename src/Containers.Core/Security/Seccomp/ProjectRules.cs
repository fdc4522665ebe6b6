using System.Runtime.CompilerServices;
using Containers.Native;

namespace Containers.Security.Seccomp;

/// <summary>
/// What keeps files in the project whose quota limits a container's disk. The kernel lets a file's owner name another project, or a directory
/// forget to hand its own one on, where the user ids are the host's; an overlay passes that on to the disk below.
/// </summary>
internal static class ProjectRules
{
    private const ulong Int = 0xffffffff; // what the kernel looks at of a request

    private static readonly ConditionalWeakTable<SeccompProfile, SeccompProfile> s_made = []; // so that each is compiled once

    public static SeccompProfile AddTo(SeccompProfile profile) => s_made.GetValue(profile, static profile => profile
        .Deny(Errno.EPERM, "ioctl", SeccompCondition.Argument(1).Masked(Int, (ulong)Kernel.FS_IOC_FSSETXATTR))
        .Deny(Errno.EPERM, "ioctl", SeccompCondition.Argument(1).Masked(Int, (ulong)Kernel.FS_IOC_SETFLAGS)) // FS_PROJINHERIT_FL
        .Deny(Errno.EPERM, "file_setattr"));
}
