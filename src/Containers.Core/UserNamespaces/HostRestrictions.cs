using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>What on a host can keep user namespaces from its users, found in its settings.</summary>
internal static class HostRestrictions
{
    /// <summary>The reason that is seen here, for an error; null where none is.</summary>
    public static string? Find()
        => Is("/proc/sys/user/max_user_namespaces", "0") ? "This host allows no user namespaces (user.max_user_namespaces=0)."
            : Is("/proc/sys/kernel/unprivileged_userns_clone", "0") && !IsRoot ? "This host keeps user namespaces from users other than root (kernel.unprivileged_userns_clone=0)."
            : Is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") && !IsRoot ? "This host restricts unprivileged user namespaces (kernel.apparmor_restrict_unprivileged_userns=1): an AppArmor profile for this program with the rule \"userns,\" allows them."
            : !File.Exists("/proc/self/ns/user") ? "The kernel was built without user namespaces (CONFIG_USER_NS)."
            : null;

    /// <summary>Why clone3 made no user namespace.</summary>
    public static string? WhyNoNamespace(Errno errno) => Find() ?? errno switch
    {
        Errno.EPERM => "This process may make no user namespace: it is in a chroot, its ids are not mapped in its own namespace, or a seccomp filter or security module forbids it.",
        Errno.ENOSPC or Errno.EUSERS => "A limit on user namespaces is reached: /proc/sys/user/max_user_namespaces, or 32 of them one in another.",
        _ => null,
    };

    private static bool IsRoot => Kernel.geteuid() == 0;

    private static bool Is(string setting, string value) => File.Exists(setting) && File.ReadAllText(setting).Trim() == value;
}
