using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>Trees with files of this process's user and of its sub-ids: layers, and what containers leave.</summary>
internal static class SubordinateTrees
{
    private static readonly Func<Deputy> s_make = static () => ContainerUserNs.Start(UserNamespaceChoice.OfUser());

    /// <summary>Begins calls on them, on this thread; for root they are files like others.</summary>
    public static MappedRoot.Scope Enter(bool squashes = false) => MappedRoot.Enter(s_make, squashes);

    /// <summary>What would help where an owner cannot be given.</summary>
    public static string? Hint => !MappedRoot.IsEntered ? null
        : "This user may give files to no such owner: /etc/subuid and /etc/subgid give it sub-ids (usermod --add-subuids, --add-subgids), which newuidmap and newgidmap map (package uidmap). WithSquashedOwners() makes all files its own.";
}
