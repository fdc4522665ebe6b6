using Containers.Native;

namespace Containers.UserNamespaces;

/// <summary>Gives a container's directory to its root, who is not always this process's user.</summary>
internal static unsafe class StateOwner
{
    private static readonly string[] s_directories = ["", "/upper", "/work", "/root", "/etc"];

    public static void Give(string stateDirectory, IdMaps maps)
    {
        (uint user, uint group) = maps.Root;
        if (user == (uint)Kernel.geteuid() && group == (uint)Kernel.getegid())
        {
            return;
        }

        // A sub-id is given by the namespace's root, by the number that it has there.
        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        IdMaps? own = MappedRoot.IsEntered ? UserNamespaceChoice.OfUser() : null;
        foreach (string directory in s_directories)
        {
            fixed (byte* path = CString.Bytes(stateDirectory + directory))
            {
                // An overlay's upper directory has the owner of the topmost layer's root, who is someone else here.
                Kernel.statx_t status;
                int result = Kernel.statx(Kernel.AT_FDCWD, path, Kernel.AT_SYMLINK_NOFOLLOW, Kernel.STATX_BASIC_STATS, &status);
                if (result != -(int)Errno.ENOENT)
                {
                    Kernel.Check(result, "stat", stateDirectory + directory);
                    uint newUser = IdMaps.ToHost(maps.Users, status.stx_uid) ?? user, newGroup = IdMaps.ToHost(maps.Groups, status.stx_gid) ?? group;
                    if (own is not null)
                    {
                        newUser = IdMaps.FromHost(own.Users, newUser) ?? 0;
                        newGroup = IdMaps.FromHost(own.Groups, newGroup) ?? 0;
                    }

                    Kernel.Check(Kernel.fchownat(Kernel.AT_FDCWD, path, newUser, newGroup, Kernel.AT_SYMLINK_NOFOLLOW), "chown", stateDirectory + directory);
                }
            }
        }
    }
}
