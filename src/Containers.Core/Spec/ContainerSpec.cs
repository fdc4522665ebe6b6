using System.Collections.Immutable;

namespace Containers;

/// <summary>
/// What is wanted of a container: one immutable record, with no word about how it is done. A <see cref="ContainerBuilder"/>
/// writes it; the planner reads it. What is null is taken from the image, or from the default told at each property.
/// </summary>
public sealed partial record ContainerSpec
{
    internal ContainerSpec(RootSource root) => Root = root;

    /// <summary>Where the root file system comes from.</summary>
    public RootSource Root { get; init; }

    /// <summary>Whether changes go to an overlay (the default) or into the root's own directory.</summary>
    public RootMode RootMode { get; init; }

    /// <summary>Whether the root is mounted read-only.</summary>
    public bool ReadOnlyRoot { get; init; }

    /// <summary>The directory of images and running containers; null for the default one: see <see cref="ImageStore"/>.</summary>
    public string? Store { get; init; }

    /// <summary>When an image that has a name is fetched from its registry.</summary>
    public PullPolicy PullPolicy { get; init; }

    /// <summary>How registries are reached.</summary>
    public RegistryOptions Registries { get; init; } = RegistryOptions.Default;

    /// <summary>The container's id; null to have one made.</summary>
    public string? Id { get; init; }

    /// <summary>What is run before the command; null for the image's.</summary>
    public ImmutableArray<string>? Entrypoint { get; init; }

    /// <summary>The command, or the arguments of the entrypoint; null for the image's.</summary>
    public ImmutableArray<string>? Command { get; init; }

    /// <summary>Variables added to the image's, and replacing those of the same name. Nothing of the host's environment is inherited.</summary>
    public ImmutableDictionary<string, string> Environment { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>An absolute path inside; made when it is missing. Null for the image's, or "/".</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>"user", "user:group", by name or number; names are those of the image. Null for the image's, or root.</summary>
    public string? User { get; init; }

    /// <summary>The signal that asks the command to end; null for the image's, or SIGTERM.</summary>
    public string? StopSignal { get; init; }

    /// <summary>At most 64 bytes; null for the id.</summary>
    public string? Hostname { get; init; }

    /// <summary>The namespaces the container does not share with the host.</summary>
    public ContainerNamespaces Namespaces { get; init; } = ContainerNamespaces.Default;

    /// <summary>Networks the container is attached to, the first one with the default route. None for <see cref="Net"/>.</summary>
    public ImmutableArray<NetSpec> Networks { get; init; } = [];

    /// <summary>The network of a container without <see cref="Networks"/>.</summary>
    public Net Net { get; init; } = Net.None;

    /// <summary>How far the monotonic clock is set forward, or back, in a time namespace of the container's own.</summary>
    public TimeSpan MonotonicOffset { get; init; }

    /// <summary>The same for the boot time clock.</summary>
    public TimeSpan BootTimeOffset { get; init; }

    /// <summary>Binds and tmpfs, in the order in which they are mounted.</summary>
    public ImmutableArray<ContainerMount> Mounts { get; init; } = [];

    /// <summary>Whether /etc/hostname, /etc/hosts and /etc/resolv.conf are the runtime's. True by default.</summary>
    public bool EtcFiles { get; init; } = true;

    /// <summary>The capabilities the container's processes can have. The 14 usual ones by default.</summary>
    public ImmutableHashSet<Capability> Capabilities { get; init; } = DefaultPolicy.Capabilities;

    /// <summary>Whether executing a file can give privileges (setuid, file capabilities). They cannot, by default.</summary>
    public bool NoNewPrivileges { get; init; } = true;

    /// <summary>Paths under /proc and /sys that are covered.</summary>
    public ImmutableArray<string> MaskedPaths { get; init; } = DefaultPolicy.MaskedPaths;

    /// <summary>Paths under /proc that are read-only.</summary>
    public ImmutableArray<string> ReadOnlyPaths { get; init; } = DefaultPolicy.ReadOnlyPaths;

    /// <summary>What the command reads.</summary>
    public StandardStream StandardInput { get; init; }

    /// <summary>Where the command's output goes.</summary>
    public StandardStream StandardOutput { get; init; }

    /// <summary>Where the command's errors go.</summary>
    public StandardStream StandardError { get; init; }

    internal bool HasOverlay => RootMode is RootMode.Overlay or RootMode.FuseOverlay;

    internal bool Private(ContainerNamespaces one) => (Namespaces & one) != 0;
}

/// <summary>Where a root file system comes from: an image, or a directory.</summary>
public abstract record RootSource
{
    private protected RootSource()
    {
    }

    /// <summary>An image by its reference, as <see cref="ImageStore.Load"/> takes it.</summary>
    /// <param name="Value">docker-archive:PATH, rootfs:PATH, or a path.</param>
    public sealed record Reference(string Value) : RootSource;

    /// <summary>An image that is loaded.</summary>
    /// <param name="Image">The image.</param>
    public sealed record Loaded(Image Image) : RootSource;

    /// <summary>A directory of the host.</summary>
    /// <param name="Path">An absolute path.</param>
    public sealed record Directory(string Path) : RootSource;
}

/// <summary>What becomes of changes to the root.</summary>
public enum RootMode
{
    /// <summary>An overlay: the image is not changed, and changes go when the container is disposed.</summary>
    Overlay,

    /// <summary>The directory itself is the root, and is changed.</summary>
    Bind,

    /// <summary>A copy, made at the start and gone with the container: for hosts whose kernel or file system lets no overlay be.</summary>
    Copy,

    /// <summary>An overlay by fuse-overlayfs(1), for hosts whose kernel has none for this user: see <see cref="ContainerBuilder.WithFuseOverlayRoot"/>.</summary>
    FuseOverlay,
}

/// <summary>One of the command's first three descriptors.</summary>
public enum StandardStream
{
    /// <summary>A pipe to the host process.</summary>
    Pipe,

    /// <summary>/dev/null.</summary>
    Null,

    /// <summary>The host process's own.</summary>
    Inherit,
}

/// <summary>Namespaces of a container's own: namespaces(7).</summary>
[Flags]
public enum ContainerNamespaces
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Mounts, and with them the root: mount_namespaces(7).</summary>
    Mount = 1,

    /// <summary>Processes: pid_namespaces(7).</summary>
    Pid = 2,

    /// <summary>Host name: uts_namespaces(7).</summary>
    Uts = 4,

    /// <summary>System V IPC and message queues: ipc_namespaces(7).</summary>
    Ipc = 8,

    /// <summary>Network: network_namespaces(7).</summary>
    Net = 16,

    /// <summary>The view of cgroups: cgroup_namespaces(7).</summary>
    Cgroup = 32,

    /// <summary>The monotonic and boot time clocks: time_namespaces(7).</summary>
    Time = 64,

    /// <summary>User and group ids, and what root may do: user_namespaces(7). Chosen by itself where the host process is not root.</summary>
    User = 128,

    /// <summary>All that are private by default: every one but time (and user, which a root host does not need).</summary>
    Default = Mount | Pid | Uts | Ipc | Net | Cgroup,
}
