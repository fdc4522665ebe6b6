using System.Collections.Immutable;

namespace Containers;

// The user namespace.
public sealed partial record ContainerSpec
{
    /// <summary>User ids inside and out; empty for the automatic ones: see <see cref="ContainerBuilder.WithUserNs()"/>.</summary>
    public ImmutableArray<IdMap> UserIdMaps { get; init; } = [];

    /// <summary>The same for group ids.</summary>
    public ImmutableArray<IdMap> GroupIdMaps { get; init; } = [];

    /// <summary>Whether files of owners that a host process which is not root cannot give files to belong to its own user: see <see cref="ContainerBuilder.WithSquashedOwners"/>.</summary>
    public bool SquashOwners { get; init; }

    /// <summary>Whether the host's user namespace is shared even where the host process is not root, and would get one of its own by itself.</summary>
    public bool HostUserNamespace { get; init; }
}
