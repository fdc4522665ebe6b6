using System.Collections.Immutable;
using Containers.UserNamespaces;

namespace Containers;

// The user namespace: who root inside is on the host.
public sealed partial class ContainerBuilder
{
    /// <summary>
    /// Users of its own: root inside is an ordinary user on the host. The default where the host process is not root.
    /// </summary>
    /// <remarks>
    /// <para>The ids, where the host process is not root: its own user is root inside, and the ids that /etc/subuid and /etc/subgid give it follow from 1 on. Where it has
    /// none, or newuidmap(1) is not installed (package uidmap), there is no other id inside than 0, and all else belongs to "nobody".</para>
    /// <para>Where it is root: those of the user "containers" in /etc/subuid and /etc/subgid, or of root; where neither has any, 65536 ids from 524288 on,
    /// which systemd sets aside for containers. All containers have the same ones unless they are told.</para>
    /// </remarks>
    public ContainerBuilder WithUserNs() => WithUserIds([], []);

    /// <summary>Users of its own, with chosen ids; the same for groups.</summary>
    /// <param name="maps">Ranges that do not overlap, id 0 inside among them. Where the host process is not root, they have to be of its own id and its sub-ids.</param>
    public ContainerBuilder WithUserNs(params IEnumerable<IdMap> maps)
    {
        ImmutableArray<IdMap> given = [.. maps];
        return WithUserNs(given, given);
    }

    /// <summary>Users of its own, with chosen ids.</summary>
    /// <param name="users">Ranges of user ids that do not overlap, id 0 inside among them.</param>
    /// <param name="groups">Ranges of group ids.</param>
    public ContainerBuilder WithUserNs(IEnumerable<IdMap> users, IEnumerable<IdMap> groups)
        => WithUserIds(IdMaps.Check([.. users], "user"), IdMaps.Check([.. groups], "group"));

    /// <summary>Shares the host's users: root inside is root on the host. The default where the host process is root, and possible only there.</summary>
    public ContainerBuilder WithHostUserNs()
        => WithSpec(Shared(ContainerNamespaces.User).Spec with { UserIdMaps = [], GroupIdMaps = [], HostUserNamespace = true });

    /// <summary>
    /// Where the host process is not root: files of an image whose owner it can give no file to, since /etc/subuid and /etc/subgid give it no such ids, are unpacked as its
    /// own, which root inside owns. Without this such an image is not loaded. For root nothing changes.
    /// </summary>
    public ContainerBuilder WithSquashedOwners() => WithSpec(Spec with { SquashOwners = true });

    private ContainerBuilder WithUserIds(ImmutableArray<IdMap> users, ImmutableArray<IdMap> groups)
        => WithSpec(Private(ContainerNamespaces.User).Spec with { UserIdMaps = users, GroupIdMaps = groups, HostUserNamespace = false });
}
