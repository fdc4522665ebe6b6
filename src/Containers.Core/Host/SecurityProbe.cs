using System.Globalization;
using Containers.Launch;
using Containers.Native;
using static Containers.HostCapabilities;

namespace Containers.Host;

/// <summary>What restricts processes: seccomp, landlock, the security modules.</summary>
internal static class SecurityProbe
{
    private const uint LANDLOCK_CREATE_RULESET_VERSION = 1;

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
        long abi = Kernel.Call(SystemCall.landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION);
        return abi > 0
            ? Yes(HostFeature.Landlock, string.Create(CultureInfo.InvariantCulture, $"ABI {abi}"))
            : No(HostFeature.Landlock, abi == -(long)Errno.EOPNOTSUPP ? "the kernel has it and was started without it" : "the kernel was built without it");
    }
}
