using System.Text;
using Containers.Native;

namespace Containers.Resources;

/// <summary>
/// Where cgroups of containers are made: below the one that was named; else at the top of the tree when this process may make them there; else
/// at the nearest place above this process's own cgroup that was delegated to its user (cgroup-v2.rst, "Delegation").
/// </summary>
internal static unsafe class CgroupPlace
{
    private const int W_OK = 2;

    /// <summary>Finds the directory in which a cgroup with the controllers can be made. Makes nothing.</summary>
    /// <exception cref="ContainerException">There is none: it says what is missing, and where.</exception>
    public static string Find(CgroupHierarchy hierarchy, string? named, IReadOnlyCollection<string> controllers)
    {
        if (named is not null)
        {
            return hierarchy.Mount + (named == "/" ? "" : named);
        }

        StringBuilder why = new();
        foreach (string candidate in Candidates(hierarchy))
        {
            if (WhyNot(hierarchy, candidate, controllers) is not { } reason)
            {
                return candidate;
            }

            why.Append(why.Length == 0 ? "" : "; ").Append(reason);
        }

        string of = controllers.Count > 0 ? $" with the controller{(controllers.Count > 1 ? "s" : "")} {string.Join(", ", controllers)}" : "";
        throw new ContainerException($"A cgroup{of} cannot be made: {why}.", hierarchy.Unified
            ? "As root anything goes. A user needs a part of the tree that was delegated, with this process below it: \"systemd-run --user --scope -p Delegate=yes COMMAND\" gives one."
            : "cgroup v1 is root's: a user has limits on hosts with cgroup v2 only.");
    }

    /// <summary>Lets the children of a cgroup have controllers.</summary>
    /// <exception cref="ContainerException">They cannot.</exception>
    public static void Enable(CgroupHandle parent, IReadOnlyCollection<string> controllers)
    {
        if (controllers.Count == 0)
        {
            return;
        }

        string[] enabled = parent.Read("cgroup.subtree_control").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        foreach (string controller in controllers.Except(enabled))
        {
            if (parent.TryWrite("cgroup.subtree_control", "+" + controller) is { } errno)
            {
                throw new ContainerException($"The controller {controller} cannot be had: {Reason(parent.Path, controller, errno)}.",
                    errno == Errno.EBUSY ? $"Move this process to another cgroup, or name a parent with {nameof(ContainerBuilder.WithCgroupParent)}." : null);
            }
        }
    }

    private static IEnumerable<string> Candidates(CgroupHierarchy hierarchy)
    {
        yield return hierarchy.Mount;
        for (string? path = hierarchy.Own; path is not null && path.Length > hierarchy.Mount.Length; path = Path.GetDirectoryName(path))
        {
            yield return path;
        }
    }

    private static string? WhyNot(CgroupHierarchy hierarchy, string path, IReadOnlyCollection<string> controllers)
    {
        if (!Writable(path))
        {
            return $"\"{path}\" is not writable for this process";
        }

        if (!hierarchy.Unified)
        {
            return null;
        }

        // Who puts a process there has to be allowed to take it away from the nearest cgroup above both.
        if (path != hierarchy.Own && !Writable(path + "/cgroup.procs"))
        {
            return $"\"{path}/cgroup.procs\" is not writable for this process";
        }

        using CgroupHandle parent = CgroupHandle.TryOpen(path) ?? throw new KernelException("open the cgroup", path, Errno.ENOENT);
        string[] enabled = Words(parent, "cgroup.subtree_control"), there = Words(parent, "cgroup.controllers");
        foreach (string controller in controllers.Except(enabled))
        {
            if (!there.Contains(controller))
            {
                return Reason(path, controller, Errno.ENOENT);
            }

            if (!Writable(path + "/cgroup.subtree_control"))
            {
                return Reason(path, controller, Errno.EACCES);
            }

            // The root of the whole tree may have processes and controllers; no other may: "No Internal Process Constraint".
            if (parent.Has("cgroup.events") && parent.TryRead("cgroup.procs") is not "")
            {
                return Reason(path, controller, Errno.EBUSY);
            }
        }

        return null;
    }

    private static string Reason(string path, string controller, Errno errno) => errno switch
    {
        Errno.ENOENT => $"\"{path}/cgroup.controllers\" does not have {controller}: it was not delegated",
        Errno.EBUSY => $"\"{path}\" has processes in it, and so cannot give {controller} to cgroups below it",
        Errno.EACCES or Errno.EPERM or Errno.EROFS => $"\"{path}/cgroup.subtree_control\" lacks {controller}, and is not writable for this process",
        _ => $"\"{path}/cgroup.subtree_control\" did not take +{controller}: {errno}",
    };

    private static string[] Words(CgroupHandle cgroup, string file) => (cgroup.TryRead(file) ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static bool Writable(string path)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            return Kernel.Call(SystemCall.faccessat, Kernel.AT_FDCWD, (long)bytes, W_OK) == 0;
        }
    }
}
