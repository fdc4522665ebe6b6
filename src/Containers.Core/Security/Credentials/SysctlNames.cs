using Containers.Native;

namespace Containers.Security.Credentials;

/// <summary>Which of the kernel's settings a container can have for itself: those that a namespace has.</summary>
internal static class SysctlNames
{
    private static readonly string[] s_ipc =
    [
        "kernel/auto_msgmni", "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced",
    ];

    /// <summary>The name with slashes, as a path below /proc/sys.</summary>
    /// <exception cref="ContainerException">The value is the whole host's, or the name is none.</exception>
    public static string Check(string name)
    {
        // As sysctl(8): with the first separator being a slash, dots are part of names (net/ipv4/conf/eth0.1).
        string path = name.IndexOf('/', StringComparison.Ordinal) is >= 0 and int slash && (name.IndexOf('.', StringComparison.Ordinal) is < 0 and int || slash < name.IndexOf('.', StringComparison.Ordinal))
            ? name : name.Replace('.', '/');
        string[] parts = path.Split('/');
        if (path.Contains('\0', StringComparison.Ordinal) || Array.Exists(parts, part => part is "" or "." or ".."))
        {
            throw new ContainerException($"\"{name}\" is no name of a setting below /proc/sys.");
        }

        return NamespaceOf(path) is not null ? path
            : throw new ContainerException($"The setting \"{name}\" cannot be a container's: it is the whole host's.", "Settings that namespaces have for themselves are net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.* and kernel.domainname.");
    }

    /// <summary>The namespace that has the setting.</summary>
    public static ContainerNamespaces? NamespaceOf(string path)
        => path.StartsWith("net/", StringComparison.Ordinal) ? ContainerNamespaces.Net
            : path.StartsWith("fs/mqueue/", StringComparison.Ordinal) || s_ipc.Contains(path) ? ContainerNamespaces.Ipc
            : path == "kernel/domainname" ? ContainerNamespaces.Uts
            : null;

    /// <summary>Sees that the namespace is the container's own.</summary>
    public static void Check(ContainerSpec spec)
    {
        foreach (string path in spec.Sysctls.Keys)
        {
            if (NamespaceOf(path) is not { } one || !spec.Private(one))
            {
                throw new ContainerException($"The setting \"{path}\" cannot be the container's own: it shares the host's namespace for it.");
            }
        }
    }
}
