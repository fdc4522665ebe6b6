using Containers.Native;
using Containers.Native.Netlink;

namespace Containers;

/// <summary>
/// A network of its own: links, addresses, routes, rules and ports that nothing outside sees. Networks that meet are made of
/// several of them and of <see cref="VethPair"/>s between: network_namespaces(7). Any thread may use one.
/// </summary>
/// <remarks>
/// It lives for as long as this object is not disposed, or a process is in it, or it has a name. Making one needs
/// CAP_SYS_ADMIN, changing one CAP_NET_ADMIN. What fails says why as a <see cref="NetlinkException"/> or another
/// <see cref="ContainerException"/>, and has then changed nothing.
/// </remarks>
public sealed partial class NetworkNamespace : IDisposable
{
    private readonly Lazy<RouteSocket> _route;
    private readonly Lazy<ulong> _inode;

    internal NetworkNamespace(NamespaceHandle handle, string? name = null, bool current = false)
    {
        Handle = handle;
        Name = name;
        Target = current ? null : handle;
        _route = new Lazy<RouteSocket>(() => RouteSocket.Open(Target));
        _inode = new Lazy<ulong>(() => handle.Inode);
    }

    /// <summary>The name below /run/netns, or the path that it was opened by; null where it has none.</summary>
    public string? Name { get; }

    internal NamespaceHandle Handle { get; }

    /// <summary>The namespace to visit: null where that is the process's own, which takes no capability.</summary>
    internal NamespaceHandle? Target { get; }

    /// <summary>A socket to it, opened when it is first used.</summary>
    internal RouteSocket Route => _route.Value;

    /// <summary>The kernel's number of it: two objects with the same are the same namespace.</summary>
    internal ulong Inode => _inode.Value;

    /// <summary>The one that this process is in: the host's, mostly.</summary>
    public static NetworkNamespace Current() => new(NamespaceHandle.Open(Environment.ProcessId, "net"), current: true);

    /// <summary>Makes one without a name, with lo up.</summary>
    /// <exception cref="KernelException">EPERM: not without CAP_SYS_ADMIN; ENOSPC: the host allows no more of them (user.max_net_namespaces).</exception>
    public static NetworkNamespace Create() => new(NamespaceThread.Make());

    /// <summary>Makes one with a name, as <c>ip netns add</c> does, with lo up: a bind mount below /run/netns, which keeps it until <see cref="Delete(string)"/>. <c>ip netns exec</c> finds it.</summary>
    /// <param name="name">The name of a file: without a slash, at most 255 bytes.</param>
    /// <exception cref="KernelException">EEXIST: the name is taken; EPERM: not without CAP_SYS_ADMIN.</exception>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public static NetworkNamespace Create(string name)
    {
        string path = NamedNamespaces.PathOf(name);
        NetworkNamespace made = Create(NamespaceThread.Make(), name);
        try
        {
            NamedNamespaces.Add(path, made.Handle);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>Opens one that is there.</summary>
    /// <param name="name">Its name below /run/netns, or the absolute path of a file that it is mounted on, such as /proc/PID/ns/net.</param>
    /// <exception cref="KernelException">ENOENT: there is none; EINVAL: what is there is none.</exception>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public static NetworkNamespace Open(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string path = name.StartsWith('/') ? name : NamedNamespaces.PathOf(name);
        return Create(NamespaceHandle.Open(path, Kernel.CLONE_NEWNET), name);
    }

    /// <summary>Takes a name away. The namespace goes with it, unless a process is in it or an object has it open.</summary>
    /// <param name="name">Its name below /run/netns.</param>
    /// <exception cref="KernelException">ENOENT: there is none.</exception>
    /// <exception cref="ContainerException">It can be no name.</exception>
    public static void Delete(string name) => NamedNamespaces.Delete(NamedNamespaces.PathOf(name));

    /// <summary>One without a name, which was made ahead where there is one.</summary>
    internal static NetworkNamespace TakeSpare() => new(SpareNetNamespace.Take());

    /// <summary>One without a name, by a handle that becomes the object's.</summary>
    internal static NetworkNamespace Of(NamespaceHandle handle) => new(handle);

    /// <summary>Another object for the same one, with a life of its own.</summary>
    internal NetworkNamespace Duplicate() => new(Handle.Duplicate(), Name, current: Target is null);

    /// <summary>Lets go of it.</summary>
    public void Dispose()
    {
        if (_route.IsValueCreated)
        {
            _route.Value.Dispose();
        }

        Handle.Dispose();
    }

    /// <summary>The name, or the kernel's number: "net:[4026532008]".</summary>
    public override string ToString() => Name ?? $"net:[{Inode}]";

    private static NetworkNamespace Create(NamespaceHandle handle, string name) => new(handle, name);
}
