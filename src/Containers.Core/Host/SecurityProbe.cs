using System.Globalization;
using Containers.Launch;
using Containers.Native;
using static Containers.HostCapabilities;

namespace Containers.Host;

/// <summary>What restricts processes: seccomp, landlock, the security modules.</summary>
internal static class SecurityProbe
{
    public static IEnumerable<HostCapability> All()
    {
        string? actions = HostFiles.TryRead("/proc/sys/kernel/seccomp/actions_avail");
        yield return actions is not null ? Yes(HostFeature.Seccomp, actions) : No(HostFeature.Seccomp);
        yield return If(HostFeature.SeccompNotify, actions?.Split(' ').Contains("user_notif") == true);
        yield return Landlock();

        string modules = HostFiles.TryRead("/sys/kernel/security/lsm") ?? "";
        yield return HostFiles.TryRead("/sys/module/apparmor/parameters/enabled") is "Y"
            ? Yes(HostFeature.AppArmor, "this process is " + (HostFiles.TryRead("/proc/self/attr/apparmor/current") ?? "unconfined"))
            : No(HostFeature.AppArmor, modules.Length > 0 ? "lsm=" + modules : "");
        yield return HostFiles.TryRead("/sys/fs/selinux/enforce") is { } enforce
            ? Yes(HostFeature.SeLinux, enforce == "1" ? "enforcing" : "permissive")
            : No(HostFeature.SeLinux, modules.Length > 0 ? "lsm=" + modules : "");
    }

    private static HostCapability Landlock()
    {
        int abi = Kernel.landlock_abi();
        return abi > 0
            ? Yes(HostFeature.Landlock, string.Create(CultureInfo.InvariantCulture, $"ABI {abi}"))
            : No(HostFeature.Landlock, abi == -(int)Errno.EOPNOTSUPP ? "the kernel has it and was started without it" : "the kernel was built without it");
    }
}
