using System.Collections.Immutable;
using Containers.Images;
using Containers.Launch;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Changes;

/// <summary>Where a container's changes are, and what they are changes of.</summary>
internal sealed unsafe class ChangedRoot : IDisposable
{
    private readonly IdMaps? _maps;
    private readonly IdMaps? _own; // how the ids are seen here: by the user's own namespace, where this process is not root

    private ChangedRoot(PathHandle upper, LayerView below, IdMaps? maps, bool isWhole)
    {
        Upper = upper;
        Below = below;
        IsWhole = isWhole;
        _maps = maps;
        _own = MappedRoot.IsEntered ? UserNamespaceChoice.OfUser() : null;
    }

    /// <summary>The changes: an overlay's upper directory, or a copy.</summary>
    public PathHandle Upper { get; }

    /// <summary>The layers below.</summary>
    public LayerView Below { get; }

    /// <summary>Whether it is a copy with everything in it, and not only changes.</summary>
    public bool IsWhole { get; }

    /// <summary>Whether fuse-overlayfs wrote them down.</summary>
    public bool IsFuse { get; private init; }

    /// <summary>Paths, without links, that the runtime mounted something at: what stands there is a place and no change.</summary>
    public required IReadOnlySet<byte[]> Places { get; init; }

    /// <summary>Opens it. The calling thread has to be in the scope of such trees.</summary>
    /// <exception cref="ContainerException">There is nothing apart from the root that it was started with, or it cannot be seen from here.</exception>
    public static ChangedRoot Open(LaunchRequest request, string container)
    {
        ContainerSpec spec = request.Spec;
        if (spec.RootMode == RootMode.Bind)
        {
            throw new ContainerException($"What the container \"{container}\" has changed is not known: its root is a directory of the host itself, and nothing tells what that was before.", $"{nameof(ContainerBuilder.WithOverlayRoot)}() keeps changes apart.");
        }

        if (request.Disk is not null)
        {
            throw new ContainerException($"What the container \"{container}\" has changed cannot be seen: it is in a file system in memory that only the container has, as its disk limit is kept that way.", "A limit by project quota (DiskLimitKind.ProjectQuota), or none, has changes on the disk.");
        }

        bool isCopy = spec.RootMode == RootMode.Copy;
        IReadOnlyList<string> lowers = isCopy ? request.CopiedDirectories : request.LowerDirectories;
        PathHandle upper = isCopy ? PathHandle.OpenDirectory(request.LowerDirectories[0]) : OpenUpper(request);
        LayerView? below = null;
        try
        {
            below = new LayerView(lowers);
            using LayerView merged = new([isCopy ? request.LowerDirectories[0] : $"/proc/self/fd/{upper.Descriptor}", .. isCopy ? [] : lowers]);
            return new ChangedRoot(upper, below, request.Maps, isCopy) { Places = Resolve(merged, request), IsFuse = spec.RootMode == RootMode.FuseOverlay };
        }
        catch
        {
            below?.Dispose();
            upper.Dispose();
            throw;
        }
    }

    /// <summary>The owner inside.</summary>
    public (uint User, uint Group) OwnerOf(TreeNode node) => _maps is null ? (node.Status.stx_uid, node.Status.stx_gid)
        : (Inner(_maps.Users, _own?.Users, node.Status.stx_uid, "user", node), Inner(_maps.Groups, _own?.Groups, node.Status.stx_gid, "group", node));

    public void Dispose()
    {
        Below.Dispose();
        Upper.Dispose();
    }

    // In the host's mount namespace the overlay is mounted over it; a copy of the mount below has nothing mounted on it.
    private static PathHandle OpenUpper(LaunchRequest request)
    {
        if (request.Spec.Private(ContainerNamespaces.Mount))
        {
            return PathHandle.OpenDirectory(request.Upper);
        }

        using MountHandle below = MountHandle.Clone(request.StateDirectory);
        fixed (byte* name = "upper\0"u8)
        {
            return new PathHandle((int)Kernel.Check(Kernel.openat(below.Descriptor, name, Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW), "open", request.Upper));
        }
    }

    private static HashSet<byte[]> Resolve(LayerView merged, LaunchRequest request)
    {
        IEnumerable<string> targets = ["/proc", "/sys", "/dev", .. request.Spec.Mounts.Select(mount => mount.Target)];
        if (request.Spec.EtcFiles)
        {
            targets = targets.Concat(["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"]);
        }

        return new HashSet<byte[]>(targets.Select(merged.TryResolve).OfType<byte[]>(), Layers.PathBytes.Comparer);
    }

    private static uint Inner(ImmutableArray<IdMap> maps, ImmutableArray<IdMap>? own, uint id, string kind, TreeNode node)
    {
        uint? host = own is { } ownMaps ? IdMaps.ToHost(ownMaps, id) : id;
        return (host is { } known ? IdMaps.FromHost(maps, known) : null)
            // The upper directory itself may have been made by the host's root.
            ?? (node.Path.Length == 0 ? id : throw new ContainerException($"\"/{Layers.PathText.Show(node.Path)}\" belongs to the {kind} {host ?? id} of the host, and the container's user namespace has no such id ({string.Join(", ", maps)})."));
    }
}
