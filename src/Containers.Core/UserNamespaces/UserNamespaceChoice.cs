using System.Collections.Immutable;
using System.Globalization;
using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>Decides whether a container has users of its own, and which.</summary>
internal static class UserNamespaceChoice
{
    private const string ContainersUser = "containers";
    private const uint SystemdsFirst = 524288, Usual = 65536; // systemd, UIDS-GIDS: for containers

    private static bool IsRoot => Kernel.geteuid() == 0;

    /// <summary>A spec as it is for this host process: a user namespace where it is not root.</summary>
    /// <exception cref="ContainerException">What is asked for needs root.</exception>
    public static ContainerSpec Resolve(ContainerSpec spec)
    {
        if (!IsRoot && spec.HostUserNamespace)
        {
            throw new ContainerException("A container that shares the host's users needs root, and this process is not privileged.", $"Leave {nameof(ContainerBuilder.WithHostUserNs)}() out: an ordinary user's container has users of its own.");
        }

        ContainerSpec resolved = IsRoot ? spec : spec with { Namespaces = spec.Namespaces | ContainerNamespaces.User };
        if (resolved.Private(ContainerNamespaces.User) && !resolved.Private(ContainerNamespaces.Mount))
        {
            throw new ContainerException("A container with users of its own cannot share the host's mounts: its root may mount nothing there.",
                IsRoot ? $"{nameof(ContainerBuilder.WithHostUserNs)}() shares the users, too." : $"{nameof(ContainerBuilder.WithHostMountNs)}() needs root.");
        }

        if (resolved.Mounts.OfType<ContainerMount.Bind>().FirstOrDefault(bind => bind.Idmapped) is { } mapped && !(IsRoot && resolved.Private(ContainerNamespaces.User)))
        {
            throw new ContainerException($"bind \"{mapped.Source}\" to \"{mapped.Target}\": its owners cannot be mapped.",
                IsRoot ? $"There is nothing to map without {nameof(ContainerBuilder.WithUserNs)}()." : "That needs root. Without it, what belongs to this process's user belongs to root inside anyway.");
        }

        return resolved;
    }

    /// <summary>The maps of a spec that has a user namespace; null for one that has none.</summary>
    /// <exception cref="ContainerException">The maps are not this user's to give.</exception>
    public static IdMaps? MapsOf(ContainerSpec spec)
    {
        if (!spec.Private(ContainerNamespaces.User))
        {
            return null;
        }

        if (spec.UserIdMaps.IsEmpty)
        {
            return IsRoot ? OfRoot() : OfUser();
        }

        IdMaps maps = new(spec.UserIdMaps, spec.GroupIdMaps);
        if (!IsRoot && !maps.IsOwnId)
        {
            CheckGiven(maps.Users, SubordinateIds.Users, (uint)Kernel.geteuid());
            CheckGiven(maps.Groups, SubordinateIds.Groups, (uint)Kernel.getegid());
            if (!MapWriter.HasHelpers)
            {
                throw new ContainerException("The ids of /etc/subuid can be mapped by newuidmap and newgidmap only, and they are not installed.", "They come with the package uidmap.");
            }
        }

        return maps;
    }

    /// <summary>All that this user can have: itself as root, and its sub-ids.</summary>
    public static IdMaps OfUser()
    {
        uint user = (uint)Kernel.geteuid(), group = (uint)Kernel.getegid();
        ImmutableArray<IdMap> users = SubordinateIds.Of(SubordinateIds.Users, Environment.UserName, user, 1);
        ImmutableArray<IdMap> groups = SubordinateIds.Of(SubordinateIds.Groups, Environment.UserName, user, 1);
        return users.IsEmpty || groups.IsEmpty || !MapWriter.HasHelpers
            ? new IdMaps([new IdMap(0, user, 1)], [new IdMap(0, group, 1)])
            : new IdMaps([new IdMap(0, user, 1), .. users], [new IdMap(0, group, 1), .. groups]);
    }

    private static IdMaps OfRoot()
    {
        foreach (string name in (ReadOnlySpan<string>)[ContainersUser, "root"])
        {
            ImmutableArray<IdMap> users = SubordinateIds.Of(SubordinateIds.Users, name, null, 0);
            ImmutableArray<IdMap> groups = SubordinateIds.Of(SubordinateIds.Groups, name, null, 0);
            if (!users.IsEmpty && !groups.IsEmpty)
            {
                return new IdMaps(users, groups);
            }
        }

        return new IdMaps([new IdMap(0, SystemdsFirst, Usual)], [new IdMap(0, SystemdsFirst, Usual)]);
    }

    private static void CheckGiven(ImmutableArray<IdMap> maps, string file, uint own)
    {
        ImmutableArray<IdMap> given = SubordinateIds.Of(file, Environment.UserName, (uint)Kernel.geteuid(), 0);
        foreach (IdMap map in maps)
        {
            bool isOwn = map.Length == 1 && map.HostId == own;
            if (!isOwn && !given.Any(range => map.HostId >= range.HostId && (ulong)map.HostId + map.Length <= (ulong)range.HostId + range.Length))
            {
                string has = given.IsEmpty ? "gives it none" : "gives it " + string.Join(" and ", given.Select(range => string.Create(CultureInfo.InvariantCulture, $"{range.HostId} to {(ulong)range.HostId + range.Length - 1}")));
                throw new ContainerException($"The map \"{map}\" is not this user's to give: {file} {has}.", $"Its own id is {own}; usermod(8), --add-subuids and --add-subgids, gives it others.");
            }
        }
    }
}
