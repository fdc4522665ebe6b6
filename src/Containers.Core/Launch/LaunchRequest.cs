using Containers.UserNamespaces;

namespace Containers.Launch;

/// <summary>
/// A spec with all that the image, the host and the defaults decide filled in: what the planner plans from. It knows
/// paths and numbers, and no images.
/// </summary>
internal sealed class LaunchRequest
{
    public required ContainerSpec Spec { get; init; }

    public required string Id { get; init; }

    /// <summary>Topmost first. One of them for a bound root.</summary>
    public required IReadOnlyList<string> LowerDirectories { get; set; }

    /// <summary>What was copied for it, topmost first; empty where the root is no copy.</summary>
    public IReadOnlyList<string> CopiedDirectories { get; set; } = [];

    /// <summary>The container's own directory on the host, with <c>upper</c> and <c>work</c> for an overlay.</summary>
    public required string StateDirectory { get; init; }

    public required string Hostname { get; init; }

    /// <summary>The program and its arguments; never empty.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>NAME=value, in the order in which they are given to the command.</summary>
    public required IReadOnlyList<string> Environment { get; init; }

    public required string SearchPath { get; init; }

    public required string WorkingDirectory { get; init; }

    public required uint UserId { get; init; }

    public required uint GroupId { get; init; }

    public required IReadOnlyList<uint> SupplementaryGroups { get; init; }

    /// <summary>The number of the signal that asks the command to end.</summary>
    public required int StopSignal { get; init; }

    /// <summary>The host's descriptors that become 0, 1 and 2; -1 for /dev/null, the number itself to inherit.</summary>
    public required (int Input, int Output, int Error) Streams { get; init; }

    /// <summary>The network: what is entered, and what files tell of it.</summary>
    public required LaunchNetwork Network { get; init; }

    /// <summary>A directory of cgroup v2 that the child is born in; -1 for the host's own cgroup.</summary>
    public int Cgroup { get; set; } = -1;

    /// <summary>Directories of cgroup v1, which nothing can be born in: the child goes there itself.</summary>
    public IReadOnlyList<int> LegacyCgroups { get; set; } = [];

    /// <summary>Whether it finds its cgroup in /sys/fs/cgroup: where all controllers are in cgroup v2, and a namespace hides what is above.</summary>
    public bool SeesCgroup { get; set; }

    /// <summary>Whether its cgroup tells which devices it may open.</summary>
    public bool ControlsDevices { get; set; }

    /// <summary>
    /// Whether device nodes in the root work. An image, or a directory that is the root, may have nodes of the host's disks: they work where
    /// a cgroup tells which of them do, and where the container was given what makes nodes (CAP_MKNOD), and so has all that they lead to.
    /// </summary>
    public bool NodesWork => ControlsDevices || (Maps is null && Spec.Capabilities.Contains(Capability.Mknod));

    /// <summary>What a reader would type for the cgroups.</summary>
    public IReadOnlyList<string> CgroupCommands { get; set; } = [];

    /// <summary>Whether the child goes to a cgroup of its own. Then its cgroup namespace is made there, and not with it: its root is where its maker is.</summary>
    public bool HasCgroup => Cgroup >= 0 || LegacyCgroups.Count > 0;

    /// <summary>Whether the child is safe from the OOM killer until it executes: <see cref="Native.VforkThread"/>. Where memory is limited, it has to be.</summary>
    public bool Vfork { get; set; }

    /// <summary>Ids inside and on the host; null for a container that shares the host's users.</summary>
    public IdMaps? Maps { get; init; }

    /// <summary>Who clones the child, in its user namespace; null for this process.</summary>
    public Native.Deputy? Deputy { get; init; }

    /// <summary>The root's mount where the host has made it; -1 for the child to do it.</summary>
    public int HostRoot { get; set; } = -1;

    /// <summary>Mounts that the host has opened for the child.</summary>
    public Dictionary<ContainerMount, int> HostMounts { get; } = [];

    /// <summary>The program of the container's init, which applies its policy and starts the command; null where the command is the first process itself.</summary>
    public Native.StepProgram? Init { get; set; }

    /// <summary>The size of the terminal that its streams are; null where they are pipes or the like.</summary>
    public TerminalSize? Terminal { get; init; }

    /// <summary>The socket by which the host is given the terminal; -1 where there is none.</summary>
    public int TerminalSocket { get; init; } = -1;

    /// <summary>
    /// Whether the joiner of an ordinary user's container executes itself again in the user namespace: its memory belongs to that one then (ptrace(2), "Ptrace access mode checking"),
    /// and its maker, this process, may take a descriptor from it as root may.
    /// </summary>
    public bool OwnsJoiner { get; set; }

    /// <summary>Whether the child waits at <see cref="LaunchGate.Born"/>.</summary>
    public bool WaitsWhenBorn { get; set; }

    /// <summary>Whether the child waits at <see cref="LaunchGate.Ready"/>.</summary>
    public bool WaitsWhenReady { get; set; }

    /// <summary>The file system in memory that an overlay's changes go to; null where they go to the store.</summary>
    public Limits.MemoryDisk? Disk { get; set; }

    /// <summary>Where <see cref="Disk"/> is mounted.</summary>
    public string DiskMountPoint => StateDirectory + "/work";

    public string Upper => Disk is null ? StateDirectory + "/upper" : DiskMountPoint + "/upper";

    public string Work => Disk is null ? StateDirectory + "/work" : DiskMountPoint + "/work";

    /// <summary>Whether the root is an overlay, the kernel's or fuse-overlayfs's: changes go to <see cref="Upper"/>.</summary>
    public bool Overlay => Spec.HasOverlay;

    /// <summary>
    /// Where the root is mounted until it is entered. Over the upper directory: the overlay has that for itself by then,
    /// and needs no path to it.
    /// </summary>
    public string RootMountPoint => StateDirectory + (Overlay ? "/upper" : "/root");

    /// <summary>A path in the container's directory as the child takes it: with users of its own it is there, and may not come back.</summary>
    public string Seen(string path) => Maps is null ? path : path[(StateDirectory.Length + 1)..];

    /// <summary>Where the runtime's own files lie until they are bound into the root.</summary>
    public string Scratch => StateDirectory + (Overlay ? "/work" : "/etc");
}
