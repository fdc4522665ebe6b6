using System.Collections.Immutable;
using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>The ids of one container, inside and on the host.</summary>
internal sealed record IdMaps(ImmutableArray<IdMap> Users, ImmutableArray<IdMap> Groups)
{
    private const int MostLines = 340; // user_namespaces(7), Linux 4.15
    private const uint NoId = uint.MaxValue;

    /// <summary>Whether the kernel takes it from a user without privileges: one id, its own.</summary>
    public bool IsOwnId => Users is [{ Length: 1 } user] && user.HostId == (uint)Kernel.geteuid() && Groups is [{ Length: 1 } group] && group.HostId == (uint)Kernel.getegid();

    /// <summary>Whether groups can be left or joined inside. A user without privileges has to give that up first: user_namespaces(7), "/proc/PID/setgroups".</summary>
    public bool DeniesSetGroups => IsOwnId && Kernel.geteuid() != 0;

    /// <summary>Root inside, on the host.</summary>
    public (uint User, uint Group) Root => (ToHost(Users, 0) ?? 0, ToHost(Groups, 0) ?? 0);

    /// <summary>What an id inside is on the host; null where it is none.</summary>
    public static uint? ToHost(ImmutableArray<IdMap> maps, uint id)
    {
        foreach (IdMap map in maps)
        {
            if (id >= map.ContainerId && id - map.ContainerId < map.Length)
            {
                return map.HostId + (id - map.ContainerId);
            }
        }

        return null;
    }

    /// <summary>What an id of the host is inside; null where it is none.</summary>
    public static uint? FromHost(ImmutableArray<IdMap> maps, uint id)
    {
        foreach (IdMap map in maps)
        {
            if (id >= map.HostId && id - map.HostId < map.Length)
            {
                return map.ContainerId + (id - map.HostId);
            }
        }

        return null;
    }

    /// <summary>Sees that the kernel will take maps.</summary>
    /// <exception cref="ArgumentException">It will not.</exception>
    public static ImmutableArray<IdMap> Check(ImmutableArray<IdMap> maps, string kind)
    {
        if (maps.Length is 0 or > MostLines)
        {
            throw new ArgumentException($"There are {maps.Length} maps of {kind} ids, and 1 to {MostLines} are possible.", nameof(maps));
        }

        foreach (IdMap map in maps)
        {
            if (map.Length == 0)
            {
                throw new ArgumentException($"The map \"{map}\" of {kind} ids has no length.", nameof(maps));
            }

            if ((ulong)map.ContainerId + map.Length > NoId || (ulong)map.HostId + map.Length > NoId)
            {
                throw new ArgumentException($"The map \"{map}\" of {kind} ids goes past the greatest id, {NoId - 1}.", nameof(maps));
            }
        }

        for (int i = 0; i < maps.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (Overlap(maps[i].ContainerId, maps[i].Length, maps[j].ContainerId, maps[j].Length) || Overlap(maps[i].HostId, maps[i].Length, maps[j].HostId, maps[j].Length))
                {
                    throw new ArgumentException($"The maps \"{maps[j]}\" and \"{maps[i]}\" of {kind} ids overlap.", nameof(maps));
                }
            }
        }

        return ToHost(maps, 0) is not null ? maps : throw new ArgumentException($"No map of {kind} ids has id 0: a container is set up by its root.", nameof(maps));
    }

    private static bool Overlap(uint a, uint lengthOfA, uint b, uint lengthOfB) => a < (ulong)b + lengthOfB && b < (ulong)a + lengthOfA;
}
