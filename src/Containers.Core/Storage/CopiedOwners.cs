using System.Buffers.Binary;
using System.Collections.Immutable;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Storage;

/// <summary>Who owns what is copied for a container: the same ids inside, whoever they are on the host.</summary>
/// <param name="maps">The container's; null where it shares the host's users.</param>
internal sealed unsafe class CopiedOwners(IdMaps? maps)
{
    private const uint Nobody = 65534; // who the kernel shows for an owner that a namespace has not
    private const uint Revision2 = 0x02000000, Revision3 = 0x03000000, Flags = 1; // linux/capability.h, VFS_CAP_REVISION_…

    // A user's own ids: what the deputy that gives files to others knows them by.
    private readonly IdMaps? _own = MappedRoot.IsEntered ? UserNamespaceChoice.OfUser() : null;

    /// <summary>The owner to give, as chown here takes it.</summary>
    public (uint User, uint Group) Of(uint user, uint group) => maps is null ? (user, group) : (Give(maps.Users, _own?.Users, user, "user"), Give(maps.Groups, _own?.Groups, group, "group"));

    /// <summary>A file of someone that this user has nothing to do with is root's inside, as the user's own are.</summary>
    public void Recognize(int directory, byte[] name, ref Kernel.statx_t status)
    {
        if (_own is null || (status.stx_uid != Nobody && status.stx_gid != Nobody))
        {
            return;
        }

        Kernel.statx_t host;
        fixed (byte* bytes = name)
        {
            int flags = Kernel.AT_SYMLINK_NOFOLLOW | (name.Length == 1 ? Kernel.AT_EMPTY_PATH : 0);
            if (Kernel.Call(SystemCall.statx, directory, (long)bytes, flags, Kernel.STATX_BASIC_STATS, (long)&host) < 0)
            {
                return; // in a directory that is closed to this user, and so a sub-id's
            }
        }

        status.stx_uid = IdMaps.FromHost(_own.Users, host.stx_uid) ?? 0;
        status.stx_gid = IdMaps.FromHost(_own.Groups, host.stx_gid) ?? 0;
    }

    /// <summary>A file's capabilities for root of the container's namespace alone, and not for the host's: version 3, Linux 4.14.</summary>
    public ReadOnlySpan<byte> Capabilities(ReadOnlySpan<byte> value)
    {
        if (maps is null || _own is not null || value.Length != 20 || (BinaryPrimitives.ReadUInt32LittleEndian(value) & ~Flags) != Revision2)
        {
            return value; // a deputy's are its namespace's anyway
        }

        byte[] bound = [.. value, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32LittleEndian(bound, Revision3 | (BinaryPrimitives.ReadUInt32LittleEndian(value) & Flags));
        BinaryPrimitives.WriteUInt32LittleEndian(bound.AsSpan(20), maps.Root.User);
        return bound;
    }

    private static uint Give(ImmutableArray<IdMap> maps, ImmutableArray<IdMap>? own, uint id, string kind)
    {
        uint host = IdMaps.ToHost(maps, id)
            ?? throw new ContainerException($"The root has files of {kind} {id}, and the container's user namespace has no such id ({string.Join(", ", maps)}).", "More ids have to be mapped: see WithUserNs.");
        return own is { } deputys ? IdMaps.FromHost(deputys, host) ?? 0 : host;
    }
}
