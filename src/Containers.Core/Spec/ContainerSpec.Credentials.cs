using System.Collections.Immutable;

namespace Containers;

// Who the container's processes are to the kernel, beside their user.
public sealed partial record ContainerSpec
{
    /// <summary>Groups beside those of the user, by name or number; names are those of the image.</summary>
    public ImmutableArray<string> Groups { get; init; } = [];

    /// <summary>The permissions that new files do not get. Octal 022 by default.</summary>
    public int Umask { get; init; } = 0x12;

    /// <summary>Capabilities that a user other than root keeps when it executes a program: capabilities(7), "Ambient". They are among <see cref="Capabilities"/>.</summary>
    public ImmutableHashSet<Capability> AmbientCapabilities { get; init; } = [];

    /// <summary>Limits of each process.</summary>
    public ImmutableSortedDictionary<RlimitResource, Rlimit> Rlimits { get; init; } = ImmutableSortedDictionary<RlimitResource, Rlimit>.Empty;

    /// <summary>Whether the container has a session keyring of its own, and so none of the host's keys: keyrings(7). True by default.</summary>
    public bool OwnKeyring { get; init; } = true;

    /// <summary>-1000 to 1000: how soon the kernel kills the container's processes when memory runs out. Null for the host process's own.</summary>
    public int? OomScoreAdjust { get; init; }

    /// <summary>How processes are given the processor; null for as the host process.</summary>
    public Scheduling? Scheduling { get; init; }

    /// <summary>How processes are given the disk; null for as the host process.</summary>
    public IoPriority? IoPriority { get; init; }

    /// <summary>Numbers of the processors that may be used; empty for all that the host process may use.</summary>
    public ImmutableSortedSet<int> Affinity { get; init; } = [];

    /// <summary>What the kernel is to seem to the processes.</summary>
    public Personality Personality { get; init; }

    /// <summary>The AppArmor profile the command is confined by; null for as the host process.</summary>
    public string? AppArmorProfile { get; init; }

    /// <summary>The SELinux label of the command; null for as policy has it.</summary>
    public string? SelinuxLabel { get; init; }

    /// <summary>Settings of the kernel that the container's namespaces have for themselves.</summary>
    public ImmutableSortedDictionary<string, string> Sysctls { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>What /proc shows of processes of other users.</summary>
    public ProcVisibility ProcVisibility { get; init; }

    /// <summary>Devices of the host.</summary>
    public ImmutableArray<ContainerDevice> Devices { get; init; } = [];
}

/// <summary>What /proc shows: proc(5), hidepid and subset.</summary>
public enum ProcVisibility
{
    /// <summary>All processes of the container, to all its users.</summary>
    All,

    /// <summary>To a user without CAP_SYS_PTRACE no process of another one (hidepid=2).</summary>
    OwnProcesses,

    /// <summary>Processes only, and nothing else of the kernel (subset=pid). Linux 5.8.</summary>
    OnlyProcesses,
}

/// <summary>A device of the host in a container.</summary>
/// <param name="Source">The node on the host.</param>
/// <param name="Target">The node inside, below /dev.</param>
/// <param name="Access">Letters of "rwm": to read, to write, to make nodes of it. What the cgroup allows, where the container has one.</param>
public sealed record ContainerDevice(string Source, string Target, string Access);
