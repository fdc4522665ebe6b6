using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Containers.Native;

namespace Containers.Resources;

/// <summary>One directory of a container's cgroup: in v1 it has one in each tree of controllers, in v2 one.</summary>
/// <param name="Hierarchy">The tree.</param>
/// <param name="Parent">The directory it is made in.</param>
/// <param name="Path">Its own.</param>
/// <param name="Controllers">Those it is there for, by v2's names.</param>
internal sealed record CgroupDirectory(CgroupHierarchy Hierarchy, string Parent, string Path, ImmutableArray<string> Controllers);

/// <summary>What is made of cgroups for one container: decided, not made.</summary>
internal sealed class CgroupPlan
{
    private const string Prefix = "containers-";

    // Tells the cgroups of this process from those of others, in other PID namespaces, too.
    private static readonly string s_host = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}-");

    private static readonly string[] s_counted = ["memory", "cpu", "cpuacct", "pids", "io"];

    private CgroupPlan(ImmutableArray<CgroupDirectory> directories, ResourceLimits limits, bool named)
        => (Directories, Limits, Named) = (directories, limits, named);

    /// <summary>That of v2 first, if there is one; else that of v1's freezer: by the first one all processes are stopped and ended.</summary>
    public ImmutableArray<CgroupDirectory> Directories { get; }

    public ResourceLimits Limits { get; }

    /// <summary>Whether its name was given and not made.</summary>
    public bool Named { get; }

    /// <summary>Whether a container has a cgroup at all: one that asks for nothing of it starts without.</summary>
    public static bool IsNeeded(ContainerSpec spec) => spec.Cgroup || spec.CpuTimeLimit is not null || spec.Limits.Controllers().Any();

    /// <summary>Whether a directory bears the name of a container's cgroup that some host process made, which is not this one.</summary>
    public static bool IsOfAnotherHost(string name)
        => name.StartsWith(Prefix, StringComparison.Ordinal) && !name.StartsWith(s_host, StringComparison.Ordinal)
           && name[Prefix.Length..].Split('-', 3) is [{ Length: > 0 } pid, { Length: 8 } token, { Length: > 0 }] && pid.All(char.IsAsciiDigit) && token.All(char.IsAsciiHexDigitLower);

    /// <exception cref="ContainerException">The host cannot give what is asked for.</exception>
    public static CgroupPlan Of(ContainerSpec spec, string id, CgroupHost host)
    {
        ResourceLimits limits = LimitChecks.Check(spec.Limits);
        LimitChecks.CheckHost(limits);
        Dictionary<CgroupHierarchy, List<string>> wanted = [];
        List<string> countedOnly = [];
        if (host.Unified is { } unified)
        {
            wanted[unified] = []; // with no controller at all it freezes, kills, and tells when the last process has ended
        }

        foreach (string controller in limits.Controllers())
        {
            Want(controller, host.Of(controller) ?? throw new ContainerException($"The limit needs the cgroup controller {controller}, which is not there: {host.WhyMissing(controller)}."));
        }

        if (spec.Cgroup)
        {
            foreach (string controller in s_counted)
            {
                if (host.Of(controller) is { } there && !(wanted.TryGetValue(there, out List<string>? limited) && limited.Contains(controller)))
                {
                    Want(controller, there);
                    countedOnly.Add(controller);
                }
            }
        }

        if (spec.CpuTimeLimit is not null && host.Unified is null)
        {
            Want("cpuacct", host.Of("cpuacct") ?? throw new ContainerException($"The limit on CPU time needs cgroup v2 or the controller cpuacct, which is not there: {host.WhyMissing("cpuacct")}."));
        }

        if (host.Unified is null)
        {
            Want("freezer", host.Of("freezer") ?? throw new ContainerException($"A cgroup for the container cannot be made: there is neither cgroup v2 nor the controller freezer, by which processes are killed together: {host.WhyMissing("freezer")}."));
        }

        if (DeviceControl.ByLegacy(host) is { } devices)
        {
            Want("devices", devices);
        }

        CheckVersion(limits, host);
        string name = spec.CgroupName ?? s_host + id;
        return new CgroupPlan([.. wanted.OrderBy(one => one.Key.Order).Select(one => Place(one.Key, one.Value, countedOnly, spec.CgroupParent, name))], limits, spec.CgroupName is not null);

        void Want(string controller, CgroupHierarchy hierarchy)
        {
            if (!wanted.TryGetValue(hierarchy, out List<string>? controllers))
            {
                wanted[hierarchy] = controllers = [];
            }

            if (!controllers.Contains(controller))
            {
                controllers.Add(controller);
            }
        }
    }

    /// <summary>What version 1 does not have.</summary>
    public static void CheckVersion(ResourceLimits limits, CgroupHost host)
    {
        if (limits.MemoryHigh is not null && host.Of("memory") is { Unified: false })
        {
            throw new ContainerException("memory.high is of cgroup v2, and this host has the controller memory in cgroup v1.", $"{nameof(ContainerBuilder.WithMemoryLimit)} limits memory in either.");
        }

        if (limits.Swap is not null && limits.Memory is null && host.Of("memory") is { Unified: false })
        {
            throw new ContainerException("cgroup v1 limits swap together with memory: a limit on memory is needed, too.", $"{nameof(ContainerBuilder.WithMemoryLimit)} sets it.");
        }
    }

    /// <summary>All that is written into a directory before a process is in it.</summary>
    public IEnumerable<LimitWrite> Writes(CgroupDirectory directory, CgroupHandle? cgroup)
    {
        IEnumerable<LimitWrite> all = directory.Hierarchy.Unified ? LimitFiles.Unified(Limits) : [.. LimitFiles.Legacy(Limits), .. LimitFiles.LegacyMemory(Limits, grows: false)];
        if (Limits.IoWeight is { } weight && cgroup is not null && directory.Controllers.Contains("io"))
        {
            all = all.Append(LimitFiles.IoWeight(cgroup, directory.Hierarchy.Unified, weight));
        }

        return all.Where(write => directory.Controllers.Contains(write.Controller));
    }

    // A limit has to be had; what would only be counted is left out where it cannot be: systemd gives users no io.
    private static CgroupDirectory Place(CgroupHierarchy hierarchy, List<string> controllers, List<string> countedOnly, string? parent, string name)
    {
        if (!hierarchy.Unified)
        {
            return In(CgroupPlace.Find(hierarchy, parent, []), controllers);
        }

        string[] limits = [.. controllers.Except(countedOnly)];
        (string directory, IReadOnlyCollection<string> counted) = CgroupPlace.Find(hierarchy, parent, limits, [.. controllers.Intersect(countedOnly)]);
        return In(directory, controllers.Where(controller => limits.Contains(controller) || counted.Contains(controller)));

        CgroupDirectory In(string directory, IEnumerable<string> had) => new(hierarchy, directory, $"{directory}/{name}", [.. had]);
    }
}
