using Containers.Native;

namespace Containers.Launch;

/// <summary>What is mounted on the host, where an older kernel has to be told.</summary>
internal static unsafe class HostMounts
{
    /// <summary>Whether something is mounted below a directory.</summary>
    public static bool AreBelow(string path)
    {
        string prefix = path.TrimEnd('/') + "/";
        // mountinfo, field 5: the mount point, with blanks and the like in octal; good enough to compare beginnings.
        return File.ReadLines("/proc/self/mountinfo").Any(line => line.Split(' ')[4].StartsWith(prefix, StringComparison.Ordinal));
    }

    /// <summary>What <see cref="PlanCompiler.Restrict"/> needs to know of a mount: nothing, where the kernel adds flags and takes none away.</summary>
    public static ulong FlagsFor(KernelFeatures features, string path) => features.MountSetattr ? 0 : Flags(path);

    /// <summary>The MS_ flags that a remount has to repeat for a path not to lose them: statfs(2), f_flags.</summary>
    private static ulong Flags(string path)
    {
        using PathHandle handle = PathHandle.Open(path, Kernel.O_PATH);
        byte* statfs = stackalloc byte[120];
        Kernel.Check(Kernel.Call(SystemCall.fstatfs, handle.Descriptor, (long)statfs), "statfs", path);
        ulong flags = *(ulong*)(statfs + 80); // f_flags, on 64-bit architectures
        return flags & (Kernel.MS_RDONLY | Kernel.MS_NOSUID | Kernel.MS_NODEV | Kernel.MS_NOEXEC); // ST_ has the same numbers for these
    }
}
