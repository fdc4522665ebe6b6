using System.Collections.Concurrent;
using Containers.Native;

namespace Containers.Resources;

/// <summary>
/// Removes what host processes left that were killed. A living one holds a lock on each of its cgroups' directories; what bears the
/// name of a container's cgroup and is locked by nobody is nobody's.
/// </summary>
internal static class CgroupSweep
{
    private static readonly ConcurrentDictionary<string, Lazy<bool>> s_swept = new();

    /// <summary>Looks for them in all trees, the first time that this process makes something at a place.</summary>
    /// <param name="place">The path of the place below where its tree is mounted.</param>
    public static void Once(CgroupHost host, string place)
        => _ = s_swept.GetOrAdd(place, static (path, host) => new Lazy<bool>(() =>
        {
            foreach (CgroupHierarchy hierarchy in host.Hierarchies.OrderBy(one => one.Order)) // what is frozen has to be let go before it ends
            {
                Sweep(hierarchy.Mount + path);
            }

            return true;
        }), host).Value;

    /// <summary>Removes it if nobody answers for it.</summary>
    /// <param name="path">A cgroup.</param>
    /// <param name="kill">Whether processes in it are ended; else only an empty one is removed.</param>
    /// <returns>Whether it is gone.</returns>
    public static bool TryRemove(string path, bool kill)
    {
        using CgroupHandle? left = CgroupHandle.TryOpen(path);
        if (left is null)
        {
            return true;
        }

        if (!left.TryLock())
        {
            return false;
        }

        if (kill)
        {
            CgroupProcesses.Kill(left);
        }

        return CgroupProcesses.TryRemove(left, kill ? TimeSpan.FromSeconds(5) : TimeSpan.Zero) is null;
    }

    internal static void Sweep(string parent)
    {
        if (!Directory.Exists(parent))
        {
            return;
        }

        foreach (string path in Directory.EnumerateDirectories(parent, "containers-*"))
        {
            if (CgroupPlan.IsOfAnotherHost(Path.GetFileName(path)))
            {
                TryRemove(path, kill: true); // what cannot be removed now is found again
            }
        }
    }
}
