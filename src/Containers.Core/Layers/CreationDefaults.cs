using Containers.Native;

namespace Containers.Layers;

/// <summary>
/// Whether a new file already has the owner and mode it should have, so that two system calls can be left out. That is
/// computed from the process's ids and umask, and looked up once, in the first file: a mount option (grpid), a default
/// ACL or a setgid bit of the root would make it another.
/// </summary>
internal sealed unsafe class CreationDefaults
{
    private readonly uint _owner = MappedRoot.IsEntered ? 0 : (uint)Kernel.geteuid(); // who is root in the tree that is made
    private readonly uint _group = MappedRoot.IsEntered ? 0 : (uint)Kernel.getegid();
    private readonly uint _umask = ReadUmask();
    private bool? _verified;

    /// <summary>Whether a file created with this entry's mode needs neither chown nor chmod.</summary>
    public bool AreKept(TarEntry entry)
        => _verified != false && entry.Owner == _owner && entry.Group == _group && (entry.Mode & (0xe00 | _umask)) == 0;

    /// <summary>Whether one of this entry's owner needs no chown: known once a file was looked at.</summary>
    public bool OwnerIsKept(TarEntry entry) => _verified == true && entry.Owner == _owner && entry.Group == _group;

    /// <summary>Looks whether the first one came out as expected.</summary>
    public bool Verify(int file, TarEntry entry)
    {
        if (_verified is null)
        {
            byte empty = 0;
            Kernel.statx_t status;
            Kernel.Check(Kernel.statx(file, &empty, Kernel.AT_EMPTY_PATH, Kernel.STATX_BASIC_STATS, &status), "stat a new file");
            _verified = status.stx_uid == _owner && status.stx_gid == _group && (status.stx_mode & 0xfffu) == entry.Mode;
        }

        return _verified.Value;
    }

    // umask(2) can only be read by setting it, for the whole process. Linux 4.7+ tells it here.
    private static uint ReadUmask()
    {
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("Umask:", StringComparison.Ordinal))
            {
                return Convert.ToUInt32(line["Umask:".Length..].Trim(), 8);
            }
        }

        return 0x1ff;
    }
}
