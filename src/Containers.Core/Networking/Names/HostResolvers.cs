using System.Net;
using Containers.Native;

namespace Containers.Networking;

/// <summary>The resolvers of the host, as they are now: its resolv.conf is read again when it has changed, as DHCP clients and VPNs change it.</summary>
internal sealed unsafe class HostResolvers(string path)
{
    private const int Port = 53;

    private readonly Lock _one = new();
    private (ulong Inode, ulong Size, long Seconds, uint Nanoseconds) _version;
    private ResolvConf? _read;
    private IReadOnlyList<IPEndPoint> _servers = [];

    /// <summary>Whom to ask, and how patiently.</summary>
    public (ResolvConf How, IReadOnlyList<IPEndPoint> Servers) Current
    {
        get
        {
            lock (_one)
            {
                (ulong, ulong, long, uint) version = Version();
                if (_read is null || version != _version)
                {
                    _version = version;
                    _read = ResolvConf.Read(path);
                    _servers = [.. _read.Nameservers.Select(address => new IPEndPoint(address, Port))];
                }

                return (_read, _servers);
            }
        }
    }

    // Of what a link leads to, where File has the times of the link; a file that is missing is a version too.
    private (ulong, ulong, long, uint) Version()
    {
        Kernel.statx_t status = default;
        fixed (byte* name = CString.Bytes(path))
        {
            _ = Kernel.statx(Kernel.AT_FDCWD, name, 0, Kernel.STATX_BASIC_STATS, &status);
        }

        return (status.stx_ino, status.stx_size, status.stx_mtime.tv_sec, status.stx_mtime.tv_nsec);
    }
}
