using System.Collections.Immutable;
using System.Globalization;

namespace Containers.UserNamespaces;

/// <summary>Ids that are set aside for a user: subuid(5), subgid(5).</summary>
internal static class SubordinateIds
{
    public const string Users = "/etc/subuid", Groups = "/etc/subgid";

    /// <summary>Those that a file gives a user, as maps that begin at an id inside.</summary>
    /// <param name="file"><see cref="Users"/> or <see cref="Groups"/>.</param>
    /// <param name="name">The user's name.</param>
    /// <param name="id">The user's number, by which the file may name it, too; null for none.</param>
    /// <param name="first">The first id inside.</param>
    public static ImmutableArray<IdMap> Of(string file, string name, uint? id, uint first)
    {
        ImmutableArray<IdMap>.Builder maps = ImmutableArray.CreateBuilder<IdMap>();
        if (!File.Exists(file))
        {
            return [];
        }

        foreach (string line in File.ReadLines(file))
        {
            string[] fields = line.Split(':');
            if (fields.Length == 3 && (fields[0] == name || (id is { } number && fields[0] == number.ToString(CultureInfo.InvariantCulture)))
                && uint.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint start)
                && uint.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out uint count)
                && count > 0 && (ulong)start + count < uint.MaxValue && (ulong)first + count < uint.MaxValue)
            {
                maps.Add(new IdMap(first, start, count));
                first += count;
            }
        }

        return maps.DrainToImmutable();
    }
}
