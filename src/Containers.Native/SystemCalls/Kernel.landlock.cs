using System.Runtime.InteropServices;

namespace Containers.Native;

// linux/landlock.h.
internal static unsafe partial class Kernel
{
    public const int LANDLOCK_CREATE_RULESET_VERSION = 1;
    public const int LANDLOCK_RULE_PATH_BENEATH = 1;
    public const int LANDLOCK_RULE_NET_PORT = 2; // Linux 6.7

    public const ulong LANDLOCK_ACCESS_NET_BIND_TCP = 1;
    public const ulong LANDLOCK_ACCESS_NET_CONNECT_TCP = 2;
    public const ulong LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 1; // Linux 6.12
    public const ulong LANDLOCK_SCOPE_SIGNAL = 2;

    /// <summary>An older kernel takes it, too, as long as what it does not know is zero.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct landlock_ruleset_attr
    {
        public ulong handled_access_fs;
        public ulong handled_access_net;
        public ulong scoped;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct landlock_net_port_attr
    {
        public ulong allowed_access;
        public ulong port;
    }

    /// <summary>Landlock's version, from 1; -EOPNOTSUPP where it was not switched on at boot, -ENOSYS before Linux 5.13 and where it was not built in.</summary>
    public static int landlock_abi() => (int)Call(SystemCall.landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION);
}
