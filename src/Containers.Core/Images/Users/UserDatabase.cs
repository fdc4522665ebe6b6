using System.Globalization;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Images.Users;

/// <summary>
/// An image's own /etc/passwd and /etc/group, and the rules of `docker run --user` and Dockerfile's USER for looking things up
/// in them. The host's accounts have no part in it.
/// </summary>
internal sealed class UserDatabase
{
    /// <summary>No real passwd comes near; an image that tries to fill our memory does.</summary>
    private const int MaximumFileSize = 16 << 20;

    private readonly string _image;
    private readonly List<PasswdEntry> _users;
    private readonly List<GroupEntry> _groups;

    private UserDatabase(string image, List<PasswdEntry> users, List<GroupEntry> groups)
    {
        _image = image;
        _users = users;
        _groups = groups;
    }

    /// <summary>Reads both files; one that is not there is empty.</summary>
    /// <param name="lowerDirectories">The image's layers, topmost first.</param>
    /// <param name="image">The image's name, for messages.</param>
    public static UserDatabase Read(IReadOnlyList<string> lowerDirectories, string image)
    {
        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        using LayerView view = new(lowerDirectories);
        return new UserDatabase(
            image,
            AccountFiles.ReadPasswd(view.TryReadFile("/etc/passwd", MaximumFileSize) ?? []),
            AccountFiles.ReadGroup(view.TryReadFile("/etc/group", MaximumFileSize) ?? []));
    }

    /// <summary>Looks a user up.</summary>
    /// <param name="user"><c>user</c>, <c>uid</c>, <c>user:group</c>, <c>uid:gid</c> or a mixture; empty is root.</param>
    /// <exception cref="UserNotFoundException">A name is unknown.</exception>
    public ImageUser Resolve(string user)
    {
        int colon = user.IndexOf(':', StringComparison.Ordinal);
        string userPart = colon < 0 ? user : user[..colon];
        string groupPart = colon < 0 ? "" : user[(colon + 1)..];

        PasswdEntry? entry = FindUser(userPart, out uint uid)
            ?? (userPart.Length == 0 || IsNumber(userPart) ? null : throw Unknown("user", userPart, user, "/etc/passwd"));
        ImageUser found = new(uid, entry?.Gid ?? 0, [], entry is { Home.Length: > 0 } ? entry.Home : "/", entry?.Name, entry?.Shell ?? "");

        // With a group named, docker gives the process that group and no others.
        return groupPart.Length > 0 ? found with { Gid = FindGroup(groupPart, user) }
            : entry is null ? found
            : found with { SupplementaryGroups = [.. _groups.Where(group => group.Members.Contains(entry.Name)).Select(group => group.Gid).Distinct()] };
    }

    private PasswdEntry? FindUser(string text, out uint uid)
    {
        PasswdEntry? entry;
        if (text.Length == 0 || IsNumber(text))
        {
            // A number is always a uid, also where some account has it as its name.
            uint id = text.Length == 0 ? 0 : Id(text, text);
            entry = _users.Find(candidate => candidate.Uid == id);
            uid = id;
        }
        else
        {
            entry = _users.Find(candidate => candidate.Name == text);
            uid = entry?.Uid ?? 0;
        }

        return entry;
    }

    private uint FindGroup(string text, string whole)
        => IsNumber(text) ? Id(text, whole)
        : _groups.Find(group => group.Name == text)?.Gid ?? throw Unknown("group", text, whole, "/etc/group");

    private uint Id(string text, string whole) => AccountFiles.TryId(text, out uint id)
        ? id
        : throw new UserNotFoundException(whole, _image, string.Create(CultureInfo.InvariantCulture,
            $"User \"{whole}\" for {_image}: {text} is larger than {AccountFiles.MaximumId}, the largest id."));

    private static bool IsNumber(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);

    private UserNotFoundException Unknown(string kind, string name, string whole, string file)
        => new(whole, _image, $"User \"{whole}\" for {_image}: there is no {kind} \"{name}\" in the image's {file}.",
            "Names are looked up in the image, not on the host; a number needs no entry.");
}
