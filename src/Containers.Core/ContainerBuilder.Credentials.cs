using System.Collections.Immutable;
using Containers.Security.Credentials;

namespace Containers;

// Who the container's processes are to the kernel, beside their user.
public sealed partial class ContainerBuilder
{
    /// <summary>Adds groups to those of the user.</summary>
    /// <param name="groups">Names of the image's /etc/group, or numbers.</param>
    public ContainerBuilder WithGroups(params IEnumerable<string> groups) => WithSpec(Spec with { Groups = [.. Spec.Groups, .. Given(groups)] });

    /// <summary>Sets the permissions that new files do not get.</summary>
    /// <param name="mask">0 to octal 777: <c>Convert.ToInt32("027", 8)</c>.</param>
    public ContainerBuilder WithUmask(int mask)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(mask);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(mask, 0x1ff);
        return WithSpec(Spec with { Umask = mask });
    }

    /// <summary>Adds capabilities to those that the container's processes can have. Root has them; another user only those that are ambient.</summary>
    /// <param name="capabilities">The capabilities.</param>
    public ContainerBuilder WithCapabilities(params IEnumerable<Capability> capabilities) => WithSpec(Spec with { Capabilities = Spec.Capabilities.Union(Given(capabilities)) });

    /// <summary>Adds capabilities by the kernel's names.</summary>
    /// <param name="names">"CAP_NET_ADMIN", "net_admin".</param>
    /// <exception cref="ContainerException">There is no capability of one of the names.</exception>
    public ContainerBuilder WithCapabilities(params IEnumerable<string> names) => WithCapabilities(Given(names).Select(CapabilityNames.Parse));

    /// <summary>Takes capabilities away.</summary>
    /// <param name="capabilities">The capabilities; none for all.</param>
    public ContainerBuilder WithoutCapabilities(params IEnumerable<Capability> capabilities)
    {
        ImmutableHashSet<Capability> all = [.. Given(capabilities)];
        return WithSpec(Spec with
        {
            Capabilities = all.IsEmpty ? [] : Spec.Capabilities.Except(all),
            AmbientCapabilities = all.IsEmpty ? [] : Spec.AmbientCapabilities.Except(all),
        });
    }

    /// <summary>Takes capabilities away by the kernel's names.</summary>
    /// <param name="names">"CAP_NET_RAW", "net_raw".</param>
    /// <exception cref="ContainerException">There is no capability of one of the names.</exception>
    public ContainerBuilder WithoutCapabilities(params IEnumerable<string> names) => WithoutCapabilities(Given(names).Select(CapabilityNames.Parse));

    /// <summary>All capabilities that this process can give: those it has itself. Without a user namespace root of the container is then root of the host.</summary>
    public ContainerBuilder WithAllCapabilities() => WithSpec(Spec with { Capabilities = HostPrivileges.Grantable() });

    /// <summary>Adds capabilities that a user other than root has, too, and keeps when it executes a program: capabilities(7), "Ambient". Linux 4.3.</summary>
    /// <param name="capabilities">The capabilities; they are added to those of the container, too.</param>
    public ContainerBuilder WithAmbientCapabilities(params IEnumerable<Capability> capabilities)
    {
        ImmutableHashSet<Capability> all = [.. Given(capabilities)];
        return WithSpec(Spec with { Capabilities = Spec.Capabilities.Union(all), AmbientCapabilities = Spec.AmbientCapabilities.Union(all) });
    }

    /// <summary>Limits each process: setrlimit(2).</summary>
    /// <param name="resource">In what.</param>
    /// <param name="soft">What holds. <see cref="Rlimit.Unlimited"/> for no limit.</param>
    /// <param name="hard">Up to where the process can raise it; null for no further.</param>
    /// <exception cref="ContainerException">The soft limit is above the hard one.</exception>
    public ContainerBuilder WithRlimit(RlimitResource resource, ulong soft, ulong? hard = null)
    {
        if (!Enum.IsDefined(resource))
        {
            throw new ContainerException($"There is no limit of number {(int)resource}.");
        }

        Rlimit limit = new(soft, hard ?? soft);
        return soft <= limit.Hard
            ? WithSpec(Spec with { Rlimits = Spec.Rlimits.SetItem(resource, limit) })
            : throw new ContainerException($"The limit {resource} of {limit} is not possible: the soft limit is above the hard one.");
    }

    /// <summary>Shares the host process's session keyring: keyrings(7).</summary>
    public ContainerBuilder WithHostKeyring() => WithSpec(Spec with { OwnKeyring = false });

    /// <summary>Says how soon the kernel kills the container's processes when memory runs out: proc(5), oom_score_adj.</summary>
    /// <param name="score">-1000 (never) to 1000 (first). Below the host process's own needs CAP_SYS_RESOURCE.</param>
    public ContainerBuilder WithOomScoreAdjust(int score)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(score, -1000);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(score, 1000);
        return WithSpec(Spec with { OomScoreAdjust = score });
    }

    /// <summary>Sets how processes are given the processor.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="nice">-20 (first) to 19 (last), for the policies that are not of real time.</param>
    /// <param name="priority">1 (last) to 99 (first), for those that are.</param>
    public ContainerBuilder WithScheduling(SchedulingPolicy policy, int nice = 0, int priority = 0)
    {
        bool realTime = policy is SchedulingPolicy.Fifo or SchedulingPolicy.RoundRobin;
        ArgumentOutOfRangeException.ThrowIfLessThan(nice, -20);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(nice, 19);
        ArgumentOutOfRangeException.ThrowIfLessThan(priority, realTime ? 1 : 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(priority, realTime ? 99 : 0);
        return Enum.IsDefined(policy) ? WithSpec(Spec with { Scheduling = new Scheduling(policy, nice, priority) }) : throw new ArgumentOutOfRangeException(nameof(policy));
    }

    /// <summary>Sets how processes are given the disk.</summary>
    /// <param name="ioClass">The class.</param>
    /// <param name="level">0 (first) to 7 (last).</param>
    public ContainerBuilder WithIoPriority(IoPriorityClass ioClass, int level = 4)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(level);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, 7);
        return Enum.IsDefined(ioClass) ? WithSpec(Spec with { IoPriority = new IoPriority(ioClass, level) }) : throw new ArgumentOutOfRangeException(nameof(ioClass));
    }

    /// <summary>Sets which processors are used: sched_setaffinity(2). The processes can change it; a cpuset of the cgroup they cannot.</summary>
    /// <param name="processors">Their numbers, from 0.</param>
    public ContainerBuilder WithAffinity(params IEnumerable<int> processors) => WithSpec(Spec with { Affinity = [.. Given(processors)] });

    /// <summary>Sets what the kernel is to seem to the processes.</summary>
    /// <param name="personality">What.</param>
    public ContainerBuilder WithPersonality(Personality personality) => WithSpec(Spec with { Personality = personality });

    /// <summary>Confines the command by an AppArmor profile, which has to be loaded on the host.</summary>
    /// <param name="profile">Its name.</param>
    public ContainerBuilder WithAppArmorProfile(string profile) => WithSpec(Spec with { AppArmorProfile = Given(profile) });

    /// <summary>Gives the command an SELinux label, where the host has SELinux.</summary>
    /// <param name="label">As <c>system_u:system_r:container_t:s0:c1,c2</c>.</param>
    public ContainerBuilder WithSelinuxLabel(string label) => WithSpec(Spec with { SelinuxLabel = Given(label) });

    /// <summary>Sets a value that the container's network or IPC namespace has for itself.</summary>
    /// <param name="name">net.…, kernel.shm…, kernel.msg…, kernel.sem, kernel.domainname, fs.mqueue.…; with dots or slashes.</param>
    /// <param name="value">As it would be written to the file below /proc/sys.</param>
    /// <exception cref="ContainerException">The value is the whole host's.</exception>
    public ContainerBuilder WithSysctl(string name, string value)
        => WithSpec(Spec with { Sysctls = Spec.Sysctls.SetItem(SysctlNames.Check(Given(name)), Given(value)) });

    /// <summary>Sets what /proc shows.</summary>
    /// <param name="visibility">What.</param>
    public ContainerBuilder WithProc(ProcVisibility visibility) => WithSpec(Spec with { ProcVisibility = visibility });

    /// <summary>Covers more paths: files by /dev/null, directories by an empty one.</summary>
    /// <param name="paths">Paths below /proc or /sys.</param>
    public ContainerBuilder WithMaskedPaths(params IEnumerable<string> paths) => WithSpec(Spec with { MaskedPaths = [.. Spec.MaskedPaths, .. Given(paths).Select(Launch.KernelPath.Check)] });

    /// <summary>Covers no paths of /proc and /sys.</summary>
    public ContainerBuilder WithoutMaskedPaths() => WithSpec(Spec with { MaskedPaths = [] });

    /// <summary>Makes more paths read-only.</summary>
    /// <param name="paths">Paths below /proc or /sys.</param>
    public ContainerBuilder WithReadOnlyPaths(params IEnumerable<string> paths) => WithSpec(Spec with { ReadOnlyPaths = [.. Spec.ReadOnlyPaths, .. Given(paths).Select(Launch.KernelPath.Check)] });

    /// <summary>Makes no paths of /proc read-only: what is written there changes the host.</summary>
    public ContainerBuilder WithoutReadOnlyPaths() => WithSpec(Spec with { ReadOnlyPaths = [] });

    /// <summary>Gives the container a device of the host.</summary>
    /// <param name="source">The node on the host, such as /dev/kvm.</param>
    /// <param name="target">The node inside, below /dev; null for the same.</param>
    /// <param name="access">Letters of "rwm": to read, to write, to make nodes of it.</param>
    /// <exception cref="ContainerException">The target is not below /dev, or the access has another letter. Whether the source is a device is seen when the container starts.</exception>
    public ContainerBuilder WithDevice(string source, string? target = null, string access = "rwm")
        => WithSpec(Spec with { Devices = Spec.Devices.Add(DeviceNodes.Check(new ContainerDevice(Path.GetFullPath(Given(source)), target ?? source, Given(access)))) });
}
