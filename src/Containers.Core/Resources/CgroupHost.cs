using System.Collections.Immutable;
using System.Globalization;

namespace Containers.Resources;

/// <summary>The cgroups of this host as this process sees them: cgroups(7), /proc/self/mountinfo, /proc/self/cgroup.</summary>
internal sealed class CgroupHost
{
    private static volatile CgroupHost? s_current;

    private CgroupHost(ImmutableArray<CgroupHierarchy> hierarchies) => Hierarchies = hierarchies;

    /// <summary>Read once: mounts of cgroups do not come and go, and who moves this process tells.</summary>
    public static CgroupHost Current => Pretended.Value ?? (s_current ??= Read());

    /// <summary>For tests: another host than this one.</summary>
    internal static AsyncLocal<CgroupHost?> Pretended { get; } = new();

    public ImmutableArray<CgroupHierarchy> Hierarchies { get; }

    /// <summary>cgroup v2; null when it is not mounted.</summary>
    public CgroupHierarchy? Unified => Hierarchies.FirstOrDefault(one => one.Unified);

    public CgroupMode Mode => (Unified is not null, Hierarchies.Any(one => !one.Unified)) switch
    {
        (true, true) => CgroupMode.Hybrid,
        (true, false) => CgroupMode.V2,
        (false, true) => CgroupMode.V1,
        _ => CgroupMode.None,
    };

    /// <summary>Where a controller is: in cgroup v2 if it is there.</summary>
    /// <param name="controller">v2's name: cpu, cpuset, memory, pids, io, hugetlb.</param>
    public CgroupHierarchy? Of(string controller)
        => Hierarchies.Where(one => one.Has(controller)).OrderByDescending(one => one.Unified).FirstOrDefault();

    /// <summary>Why a controller is nowhere.</summary>
    public string WhyMissing(string controller)
    {
        string name = Mode is CgroupMode.V2 ? controller : CgroupHierarchy.LegacyName(controller);
        string[] disabled = CommandLine().Where(one => one.StartsWith("cgroup_disable=", StringComparison.Ordinal)).SelectMany(one => one["cgroup_disable=".Length..].Split(',')).ToArray();
        if (disabled.Contains(name) || disabled.Contains(CgroupHierarchy.LegacyName(name)))
        {
            return $"the kernel was started with cgroup_disable={CgroupHierarchy.LegacyName(name)}";
        }

        if (Mode == CgroupMode.None)
        {
            return "no cgroups are mounted";
        }

        string? known = TryRead("/proc/cgroups").FirstOrDefault(line => line.StartsWith(CgroupHierarchy.LegacyName(name) + "\t", StringComparison.Ordinal));
        return known switch
        {
            null => "the kernel was built without it",
            _ when known.EndsWith("\t0", StringComparison.Ordinal) => "it is switched off on this kernel",
            _ when Mode is CgroupMode.V1 or CgroupMode.Hybrid => $"it is mounted nowhere (mount -t cgroup -o {name} cgroup /sys/fs/cgroup/{name})",
            _ => $"\"{Unified!.Mount}/cgroup.controllers\" does not have it: it was not given to this part of the tree",
        };
    }

    /// <summary>Reads it again: this process was moved to another cgroup.</summary>
    public static void Reread() => s_current = null;

    /// <summary>The same without some of the hierarchies.</summary>
    internal CgroupHost Where(Func<CgroupHierarchy, bool> keep) => new([.. Hierarchies.Where(keep)]);

    internal static CgroupHost Parse(IEnumerable<string> mounts, IEnumerable<string> own, Func<string, string> readControllers)
    {
        // "4:memory:/some/cgroup", "1:name=systemd:/", "0::/some/cgroup".
        List<(string[] Controllers, string Path)> paths = [.. own.Select(line => line.Split(':', 3)).Where(parts => parts.Length == 3).Select(parts => (parts[1].Split(','), parts[2]))];
        List<CgroupHierarchy> found = [];
        foreach (string line in mounts)
        {
            // mountinfo: 36 35 98:0 ROOT MOUNT options optional... - TYPE source SUPEROPTIONS
            int dash = line.IndexOf(" - ", StringComparison.Ordinal);
            if (dash < 0)
            {
                continue;
            }

            string[] left = line[..dash].Split(' '), right = line[(dash + 3)..].Split(' ');
            (string root, string mount) = (Unescape(left[3]), Unescape(left[4]));
            if (right[0] == "cgroup2")
            {
                string path = paths.FirstOrDefault(one => one.Controllers is [""]).Path ?? "/";
                found.Add(new CgroupHierarchy(mount, root, true, [.. readControllers(mount).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)], Below(mount, root, path)));
            }
            else if (right[0] == "cgroup")
            {
                string[] options = right[^1].Split(',');
                (string[] controllers, string? path) = paths.FirstOrDefault(one => one.Controllers is not [""] && one.Controllers.All(options.Contains));
                if (controllers is not null && !controllers[0].StartsWith("name=", StringComparison.Ordinal))
                {
                    found.Add(new CgroupHierarchy(mount, root, false, [.. controllers], Below(mount, root, path!)));
                }
            }
        }

        // One mount each: that which shows the most.
        return new CgroupHost([.. found.GroupBy(one => one.Unified ? "" : string.Join(',', one.Controllers)).Select(same => same.MinBy(one => one.Root.Length)!)]);
    }

    private static CgroupHost Read()
    {
        CgroupHost host = Parse(TryRead("/proc/self/mountinfo"), TryRead("/proc/self/cgroup"), static mount => File.ReadAllText(mount + "/cgroup.controllers"));
        return new CgroupHost([.. host.Hierarchies.Select(one => one with { Delegated = Delegation.Find(one) })]);
    }

    private static string? Below(string mount, string root, string path)
    {
        if (path.StartsWith("/..", StringComparison.Ordinal))
        {
            return null; // above the root of our cgroup namespace
        }

        string prefix = root.TrimEnd('/');
        return path == prefix || path.StartsWith(prefix + "/", StringComparison.Ordinal) ? (mount + path[prefix.Length..]).TrimEnd('/') : null;
    }

    private static string[] TryRead(string path) => File.Exists(path) ? File.ReadAllLines(path) : [];

    private static string[] CommandLine() => string.Join(' ', TryRead("/proc/cmdline")).Split(' ', StringSplitOptions.RemoveEmptyEntries);

    // Blanks and the like are in octal: \040.
    private static string Unescape(string text)
    {
        for (int at = text.IndexOf('\\', StringComparison.Ordinal); at >= 0 && at + 3 < text.Length; at = text.IndexOf('\\', at + 1))
        {
            char c = (char)((int.Parse(text.AsSpan(at + 1, 1), CultureInfo.InvariantCulture) * 64) + (int.Parse(text.AsSpan(at + 2, 1), CultureInfo.InvariantCulture) * 8) + int.Parse(text.AsSpan(at + 3, 1), CultureInfo.InvariantCulture));
            text = text[..at] + c + text[(at + 4)..];
        }

        return text;
    }
}
