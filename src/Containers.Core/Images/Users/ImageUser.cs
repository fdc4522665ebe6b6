namespace Containers.Images.Users;

/// <summary>Who a process runs as, as an image's passwd and group say.</summary>
/// <param name="Uid">The user's number.</param>
/// <param name="Gid">The primary group's number.</param>
/// <param name="SupplementaryGroups">Groups that list the user as a member; empty when a group was named.</param>
/// <param name="Home">The home directory; "/" when passwd does not know the user or says nothing.</param>
/// <param name="Name">The login name; null when passwd does not know the number.</param>
/// <param name="Shell">The login shell; empty when passwd says nothing.</param>
internal readonly record struct ImageUser(uint Uid, uint Gid, IReadOnlyList<uint> SupplementaryGroups, string Home, string? Name, string Shell);
