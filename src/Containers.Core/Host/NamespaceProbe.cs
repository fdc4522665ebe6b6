using System.Globalization;
using Containers.Launch;
using Containers.Native;
using static Containers.HostCapabilities;

namespace Containers.Host;

/// <summary>Namespaces: whether the kernel has them, and whether this process may make them.</summary>
internal static class NamespaceProbe
{
    private static readonly (HostFeature Feature, string Name, ulong Flag)[] s_kinds =
    [
        (HostFeature.MountNamespace, "mnt", Kernel.CLONE_NEWNS), (HostFeature.PidNamespace, "pid", Kernel.CLONE_NEWPID), (HostFeature.UtsNamespace, "uts", Kernel.CLONE_NEWUTS),
        (HostFeature.IpcNamespace, "ipc", Kernel.CLONE_NEWIPC), (HostFeature.NetNamespace, "net", Kernel.CLONE_NEWNET), (HostFeature.CgroupNamespace, "cgroup", Kernel.CLONE_NEWCGROUP),
    ];

    public static IEnumerable<HostCapability> All()
    {
        HostCapability user = User();
        ulong together = Kernel.geteuid() == 0 ? 0 : Kernel.CLONE_NEWUSER; // a user makes them in a user namespace, or not at all
        foreach ((HostFeature feature, string name, ulong flag) in s_kinds)
        {
            (string, Errno)? failure = !File.Exists("/proc/self/ns/" + name) ? ("clone3", Errno.EINVAL) : ProbeChild.Try(together | flag, _ => { });
            yield return failure is { } known ? No(feature, ProbeChild.Describe(known)) : Yes(feature);
        }

        yield return If(HostFeature.TimeNamespace, KernelFeatures.Current.TimeNamespaceAtExec);
        yield return user;
        yield return SubordinateIds();
    }

    private static HostCapability User()
    {
        // AppArmor lets one be made, and takes all power in it away: so something is done there that needs some.
        (string, Errno)? failure = ProbeChild.Try(Kernel.CLONE_NEWUSER | Kernel.CLONE_NEWNS, program =>
        {
            ProbeChild.AddOwnMaps(program);
            ProbeChild.AddPrivateMounts(program);
        });
        string restrictions = string.Join(", ", Restrictions());
        return failure is { } known
            ? No(HostFeature.UserNamespace, ProbeChild.Describe(known) + (restrictions.Length > 0 ? "; " + restrictions : ""))
            : Yes(HostFeature.UserNamespace, restrictions);
    }

    /// <summary>The settings by which hosts restrict user namespaces, where they do.</summary>
    public static IEnumerable<string> Restrictions()
    {
        if (HostFiles.TryRead("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") is "1")
        {
            yield return "kernel.apparmor_restrict_unprivileged_userns=1";
        }

        if (HostFiles.TryRead("/proc/sys/kernel/unprivileged_userns_clone") is "0")
        {
            yield return "kernel.unprivileged_userns_clone=0";
        }

        if (HostFiles.TryRead("/proc/sys/user/max_user_namespaces") is "0")
        {
            yield return "user.max_user_namespaces=0";
        }
    }

    private static HostCapability SubordinateIds()
    {
        if (Kernel.geteuid() == 0)
        {
            return Yes(HostFeature.SubordinateIds, "root maps any");
        }

        long users = Count("/etc/subuid"), groups = Count("/etc/subgid");
        string? missing = users == 0 ? "/etc/subuid has no line for this user"
            : groups == 0 ? "/etc/subgid has no line for this user"
            : ToolProbe.Find("newuidmap") is null ? "newuidmap is not installed"
            : ToolProbe.Find("newgidmap") is null ? "newgidmap is not installed"
            : null;
        return missing is null
            ? Yes(HostFeature.SubordinateIds, string.Create(CultureInfo.InvariantCulture, $"{users} users, {groups} groups"))
            : No(HostFeature.SubordinateIds, missing);
    }

    // "name:first:count", or "uid:first:count": subuid(5).
    private static long Count(string path)
    {
        string uid = Kernel.geteuid().ToString(CultureInfo.InvariantCulture);
        return (HostFiles.TryRead(path) ?? "").Split('\n').Select(line => line.Split(':'))
            .Where(fields => fields.Length == 3 && (fields[0] == Environment.UserName || fields[0] == uid))
            .Sum(fields => long.TryParse(fields[2], CultureInfo.InvariantCulture, out long count) ? count : 0);
    }
}
