using System.Collections.Concurrent;
using Containers.Native;

namespace Containers.Images.Users;

/// <summary>
/// The users of root directories, which unlike images can change: read again when passwd or group is another file, or
/// was changed. To find that out takes three system calls; to read both files in a root that is not trusted takes twenty.
/// </summary>
internal static unsafe class DirectoryUsers
{
    private const int Most = 256; // directories remembered; a host that starts more different ones has other worries
    private static readonly ConcurrentDictionary<string, (Identity Identity, UserDatabase Users)> s_known = new();

    public static ImageUser Resolve(string directory, string user)
    {
        Identity? now = Look(directory);
        if (now is { } identity && s_known.TryGetValue(directory, out (Identity Identity, UserDatabase Users) known) && known.Identity == identity)
        {
            return known.Users.Resolve(user);
        }

        UserDatabase users = UserDatabase.Read([directory], directory);
        if (now is not null)
        {
            if (s_known.Count >= Most)
            {
                s_known.Clear();
            }

            s_known[directory] = (now.Value, users); // looked at before it was read: a change in between is seen next time
        }

        return users.Resolve(user);
    }

    // Null where a link stands in the way: what it leads to would have to be looked at, too.
    private static Identity? Look(string directory)
        => TryStat(directory + "/etc", out Stamp etc) && TryStat(directory + "/etc/passwd", out Stamp passwd) && TryStat(directory + "/etc/group", out Stamp group)
            ? new Identity(etc, passwd, group)
            : null;

    private static bool TryStat(string path, out Stamp stamp)
    {
        Kernel.statx_t result;
        fixed (byte* bytes = CString.Bytes(path))
        {
            int error = Kernel.statx(Kernel.AT_FDCWD, bytes, Kernel.AT_SYMLINK_NOFOLLOW, Kernel.STATX_BASIC_STATS, &result);
            stamp = error < 0 ? default : new Stamp(result.stx_ino, result.stx_size, result.stx_ctime.tv_sec, result.stx_ctime.tv_nsec);
            return error == -(int)Errno.ENOENT || (error == 0 && result.Type != Kernel.S_IFLNK);
        }
    }

    // Of the directory, too: a file that is missing appears by a change of it.
    private readonly record struct Identity(Stamp Etc, Stamp Passwd, Stamp Group);

    private readonly record struct Stamp(ulong Inode, ulong Size, long Changed, uint ChangedNanoseconds);
}
