using Containers.Resources;

namespace Containers;

// What a container may use. Each limit needs a controller of the host's cgroups; a host that lacks it makes the start an error.
public sealed partial class ContainerBuilder
{
    /// <summary>
    /// Gives the container a cgroup with all that can be counted (memory, cpu, pids, io), limits or not: for statistics, pausing, limits later on, and
    /// so that all its processes end with it. A limit gives it one, too, with the controllers of its limits only.
    /// </summary>
    /// <remarks>
    /// In a cgroup, as root, devices are under control: null, zero, full, random, urandom, tty, console, ptmx and pts can be opened and no others, whatever
    /// nodes are made. On a host with cgroup v2 alone the container sees its cgroup in /sys/fs/cgroup, read-only. It lies
    /// in the cgroup that systemd gave to this process, if it did (a unit with Delegate=yes; SystemdScope of the package Containers.Systemd asks for one);
    /// else root's lie beside systemd's slices, as Docker's do with the driver cgroupfs.
    /// </remarks>
    /// <param name="name">The name of its cgroup; null for one made of the host process and the id. What a killed host left under that name is replaced, when it is empty.</param>
    public ContainerBuilder WithCgroup(string? name = null)
        => WithSpec(Spec with { Cgroup = true, CgroupName = name is null ? Spec.CgroupName : CgroupName(name) });

    /// <summary>Makes the container's cgroup below another one.</summary>
    /// <param name="path">A path from the top of the tree, as "/batch/night"; the same in each tree of cgroup v1. What is missing of it is made, and removed by the last container in it.</param>
    public ContainerBuilder WithCgroupParent(string path)
    {
        string[] names = Inside(path).Split('/', StringSplitOptions.RemoveEmptyEntries);
        foreach (string name in names)
        {
            CgroupName(name);
        }

        return WithSpec(Spec with { Cgroup = true, CgroupParent = "/" + string.Join('/', names) });
    }

    /// <summary>Sets limits, in the place of all that were set before.</summary>
    /// <param name="limits">The limits.</param>
    public ContainerBuilder WithLimits(ResourceLimits limits) => WithSpec(Spec with { Limits = LimitChecks.Check(limits) });

    /// <summary>Limits memory, page cache and kernel memory included. A process that wants more is killed; no swap is used instead, unless <see cref="WithSwapLimit"/> allows some.</summary>
    /// <param name="bytes">At least <see cref="ResourceLimits.MinimumMemory"/>.</param>
    public ContainerBuilder WithMemoryLimit(long bytes) => Limit(Spec.Limits with { Memory = bytes });

    /// <summary>Slows the processes down and takes memory back above an amount, and kills none. cgroup v2 only.</summary>
    /// <param name="bytes">At least <see cref="ResourceLimits.MinimumMemory"/>.</param>
    public ContainerBuilder WithMemoryHigh(long bytes) => Limit(Spec.Limits with { MemoryHigh = bytes });

    /// <summary>Limits swap.</summary>
    /// <param name="bytes">Beside the memory, as cgroup v2 counts: OCI's and v1's number is memory and swap together. 0 for none.</param>
    public ContainerBuilder WithSwapLimit(long bytes) => Limit(Spec.Limits with { Swap = bytes });

    /// <summary>For want of memory has all processes of the container killed, and not the greatest one only.</summary>
    public ContainerBuilder WithOomGroupKill() => Limit(Spec.Limits with { OomGroup = true });

    /// <summary>Limits the time of processors.</summary>
    /// <param name="cores">How many of them at most: 0.5 is half of one.</param>
    /// <param name="period">Over which time that is counted: 1 ms to 1 s; 100 ms when left out. A shorter one makes shorter stops, and more of them.</param>
    public ContainerBuilder WithCpuLimit(double cores, TimeSpan? period = null) => Limit(Spec.Limits with { Cpus = cores, CpuPeriod = period ?? Spec.Limits.CpuPeriod });

    /// <summary>Sets the share of the processors when others want them, too.</summary>
    /// <param name="weight">1 to 10000; 100 is usual. <see cref="ResourceLimits.CpuWeightOfShares"/> makes one of OCI's and v1's shares.</param>
    public ContainerBuilder WithCpuWeight(int weight) => Limit(Spec.Limits with { CpuWeight = weight });

    /// <summary>Chooses the processors, and the memory nodes.</summary>
    /// <param name="cpus">As "0-3,6"; null for all.</param>
    /// <param name="mems">As "0-1"; null for all.</param>
    public ContainerBuilder WithCpuset(string? cpus, string? mems = null) => Limit(Spec.Limits with { CpusetCpus = cpus, CpusetMems = mems });

    /// <summary>Limits processes and threads: a fork beyond it fails with EAGAIN.</summary>
    /// <param name="count">At least 1.</param>
    public ContainerBuilder WithPidsLimit(long count) => Limit(Spec.Limits with { Pids = count });

    /// <summary>Sets the share of disks when others want them, too.</summary>
    /// <param name="weight">1 to 10000; 100 is usual. The scheduler bfq knows no weight above 1000, and greater ones count as that.</param>
    public ContainerBuilder WithIoWeight(int weight) => Limit(Spec.Limits with { IoWeight = weight });

    /// <summary>Limits the use of a disk, by the second.</summary>
    /// <param name="device">A block device: its path, or its numbers as "8:0". A partition stands for its disk.</param>
    /// <param name="readBytes">Bytes read; null for no limit.</param>
    /// <param name="writeBytes">Bytes written. In cgroup v1 those that bypass the page cache only.</param>
    /// <param name="readOperations">Requests to read.</param>
    /// <param name="writeOperations">Requests to write.</param>
    public ContainerBuilder WithIoLimit(string device, long? readBytes = null, long? writeBytes = null, long? readOperations = null, long? writeOperations = null)
        => Limit(Spec.Limits.With(new ResourceLimits { Io = [new IoLimit(Given(device), readBytes, writeBytes, readOperations, writeOperations)] }));

    /// <summary>Limits huge pages of one size.</summary>
    /// <param name="pageSize">As the kernel writes it: "2MB", "1GB".</param>
    /// <param name="bytes">Bytes of them; 0 for none.</param>
    public ContainerBuilder WithHugetlbLimit(string pageSize, long bytes)
        => Given(pageSize) is { Length: > 2 } && pageSize.EndsWith('B') && pageSize.All(char.IsAsciiLetterOrDigit)
            ? Limit(Spec.Limits with { Hugetlb = Spec.Limits.Hugetlb.SetItem(pageSize, bytes) })
            : throw new ArgumentException($"\"{pageSize}\" is no size of huge pages as the kernel writes it: \"2MB\", \"1GB\".", nameof(pageSize));

    private ContainerBuilder Limit(ResourceLimits limits) => WithSpec(Spec with { Limits = LimitChecks.Check(limits) });

    private static string CgroupName(string name)
        => name is { Length: > 0 and <= 200 } && name is not ("." or "..") && !name.StartsWith("cgroup.", StringComparison.Ordinal) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or ':' or '@')
            ? name
            : throw new ArgumentException($"\"{name}\" is no name for a cgroup: 1 to 200 letters, digits, '_', '.', '-', ':', '@', and not as the kernel's own files are named.", nameof(name));
}
