using Containers.Native;

namespace Containers.Resources;

/// <summary>
/// Where cgroups of containers are made: below the one that was named; else in the one that systemd gave to this process (Delegate=yes); else
/// at the top of the tree when this process may make them there; else at the nearest place above this process's own cgroup that was
/// delegated to its user (cgroup-v2.rst, "Delegation").
/// </summary>
internal static unsafe class CgroupPlace
{
    private const int W_OK = 2;

    /// <summary>Finds the directory in which a cgroup with the controllers can be made. Makes nothing.</summary>
    /// <exception cref="ContainerException">There is none: it says what is missing, and where.</exception>
    public static string Find(CgroupHierarchy hierarchy, string? named, IReadOnlyCollection<string> controllers) => Find(hierarchy, named, controllers, []).Path;

    /// <summary>The same where some controllers are wished for and need not be had: of several places that with the most of them.</summary>
    /// <param name="hierarchy">The tree.</param>
    /// <param name="named">Where it is to be; null to look for a place.</param>
    /// <param name="controllers">What it has to have.</param>
    /// <param name="wished">What it need not have.</param>
    /// <returns>The directory, and those of the wishes that can be had in it.</returns>
    /// <exception cref="ContainerException">There is none: it says what is missing, and where.</exception>
    public static (string Path, IReadOnlyCollection<string> Had) Find(CgroupHierarchy hierarchy, string? named, IReadOnlyCollection<string> controllers, IReadOnlyCollection<string> wished)
    {
        if (named is not null)
        {
            string place = hierarchy.Mount + (named == "/" ? "" : named);
            return (place, Offered(hierarchy, place, wished));
        }

        List<Obstacle> obstacles = [];
        (string Path, IReadOnlyCollection<string> Had)? best = null;
        foreach (string candidate in Candidates(hierarchy))
        {
            if (WhyNot(hierarchy, candidate, controllers) is { } obstacle)
            {
                obstacles.Add(obstacle);
                continue;
            }

            IReadOnlyCollection<string> had = Offered(hierarchy, candidate, wished);
            if (had.Count == wished.Count)
            {
                return (candidate, had);
            }

            best = had.Count > (best?.Had.Count ?? -1) ? (candidate, had) : best;
        }

        if (best is { } found)
        {
            return found;
        }

        string of = controllers.Count > 0 ? $" with the controller{(controllers.Count > 1 ? "s" : "")} {string.Join(", ", controllers)}" : "";
        string why = string.Join("; ", obstacles.Distinct().GroupBy(one => one.What).Select(same => $"{string.Join(", ", same.Select(one => $"\"{one.File}\""))} {same.Key}"));
        throw new ContainerException($"A cgroup{of} cannot be made: {why}.", hierarchy.Unified
            ? "As root anything goes. A user needs a part of the tree that was delegated: SystemdScope.EnterAsync() of the package Containers.Systemd asks systemd for one, or the program is started with \"systemd-run --user --scope -p Delegate=yes COMMAND\"."
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
            Errno? refused = parent.TryWrite("cgroup.subtree_control", "+" + controller);
            if (refused == Errno.EBUSY && Delegation.IsMarked(parent.Path))
            {
                Delegation.Clear(parent);
                refused = parent.TryWrite("cgroup.subtree_control", "+" + controller);
            }

            if (refused is { } errno)
            {
                throw new ContainerException($"The controller {controller} cannot be had: {Reason(parent.Path, controller, errno)}.",
                    errno == Errno.EBUSY ? $"Move this process to another cgroup, or name a parent with {nameof(ContainerBuilder.WithCgroupParent)}." : null);
            }
        }
    }

    private static IEnumerable<string> Candidates(CgroupHierarchy hierarchy)
    {
        if (hierarchy.Delegated is { } given)
        {
            yield return given; // as root, too: the rest of the tree is systemd's
        }

        yield return hierarchy.Mount;
        for (string? path = hierarchy.Own; path is not null && path.Length > hierarchy.Mount.Length; path = Path.GetDirectoryName(path))
        {
            yield return path;
        }
    }

    // What a cgroup made in a directory, or in what will be made of it, can have. All are asked for at once, which is what is there most of the time.
    private static IReadOnlyCollection<string> Offered(CgroupHierarchy hierarchy, string directory, IReadOnlyCollection<string> wished)
    {
        if (wished.Count == 0)
        {
            return wished;
        }

        while (!Directory.Exists(directory))
        {
            directory = Path.GetDirectoryName(directory)!;
        }

        return WhyNot(hierarchy, directory, wished) is null ? wished : [.. wished.Where(one => WhyNot(hierarchy, directory, [one]) is null)];
    }

    private static Obstacle? WhyNot(CgroupHierarchy hierarchy, string path, IReadOnlyCollection<string> controllers)
    {
        if (!Writable(path))
        {
            return new(path, Obstacle.ReadOnly);
        }

        if (!hierarchy.Unified)
        {
            return null;
        }

        // Who puts a process there has to be allowed to take it away from the nearest cgroup above both.
        if (path != hierarchy.Own && !Writable(path + "/cgroup.procs"))
        {
            return new(path + "/cgroup.procs", Obstacle.ReadOnly);
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

            // The root of the whole tree may have processes and controllers; no other may: "No Internal Process Constraint". From what
            // was given to this process they are moved to a leaf.
            if (path != hierarchy.Delegated && parent.Has("cgroup.events") && parent.TryRead("cgroup.procs") is not "")
            {
                return Reason(path, controller, Errno.EBUSY);
            }
        }

        return null;
    }

    private static Obstacle Reason(string path, string controller, Errno errno) => errno switch
    {
        Errno.ENOENT => new(path + "/cgroup.controllers", $"does not have {controller}: it was not delegated"),
        Errno.EBUSY => new(path, $"has processes in it, and so cannot give {controller} to cgroups below it"),
        Errno.EACCES or Errno.EPERM or Errno.EROFS => new(path + "/cgroup.subtree_control", $"lacks {controller}, and cannot be written by this process"),
        _ => new(path + "/cgroup.subtree_control", $"did not take +{controller}: {errno}"),
    };

    private static string[] Words(CgroupHandle cgroup, string file) => (cgroup.TryRead(file) ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static bool Writable(string path)
    {
        fixed (byte* bytes = CString.Bytes(path))
        {
            return Kernel.Call(SystemCall.faccessat, Kernel.AT_FDCWD, (long)bytes, W_OK) == 0;
        }
    }

    /// <summary>What stands against a place.</summary>
    /// <param name="File">Where.</param>
    /// <param name="What">As the rest of a sentence.</param>
    private readonly record struct Obstacle(string File, string What)
    {
        public const string ReadOnly = "cannot be written by this process";

        public override string ToString() => $"\"{File}\" {What}";
    }
}
