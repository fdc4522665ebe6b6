using System.Text;

namespace Containers.Native.Netlink;

/// <summary>Settings below /proc/sys/net, which are each network namespace's own: whose they are is decided by the thread that opens them.</summary>
internal static unsafe class NetworkSetting
{
    /// <param name="networkNamespace">Whose; null for the calling thread's.</param>
    /// <param name="name">Below /proc/sys/net, with slashes: "ipv4/ip_forward".</param>
    /// <exception cref="KernelException">ENOENT: the kernel has no such setting; EROFS: /proc/sys is read-only here.</exception>
    public static void Write(NamespaceHandle? networkNamespace, string name, string value) => NamespaceThread.Run(networkNamespace, () =>
    {
        using PathHandle file = PathHandle.Open("/proc/sys/net/" + name, Kernel.O_WRONLY);
        byte[] text = Encoding.ASCII.GetBytes(value);
        fixed (byte* bytes = text)
        {
            Kernel.Check(Kernel.write(file.Descriptor, bytes, (nuint)text.Length), $"set to {value}", "/proc/sys/net/" + name);
        }
    });

    /// <inheritdoc cref="Write"/>
    public static string Read(NamespaceHandle? networkNamespace, string name) => NamespaceThread.Run(networkNamespace, () =>
    {
        using PathHandle file = PathHandle.Open("/proc/sys/net/" + name, Kernel.O_RDONLY);
        byte* bytes = stackalloc byte[256];
        long length = Kernel.Check(Kernel.read(file.Descriptor, bytes, 256), "read", "/proc/sys/net/" + name);
        return Encoding.ASCII.GetString(bytes, (int)length).TrimEnd('\n');
    });
}
