using System.Collections.Immutable;
using Containers.Native;

namespace Containers.Resources;

/// <summary>
/// Which devices the processes of a container may open, whatever nodes they find or make. By an eBPF program where cgroup v2 is mounted, by v1's
/// controller devices where it is not. Both are root's to set: without root there is none, and none is missed, since a user
/// namespace's root cannot make device nodes.
/// </summary>
internal static class DeviceControl
{
    /// <summary>null, zero, full, random, urandom, tty, console, ptmx, and terminals of devpts; of all others nodes may be made, but not opened.</summary>
    public static ImmutableArray<DeviceRule> Usual { get; } =
    [
        new('c', null, null, "m"), new('b', null, null, "m"), new('c', 1, 3, "rwm"), new('c', 1, 5, "rwm"), new('c', 1, 7, "rwm"), new('c', 1, 8, "rwm"), new('c', 1, 9, "rwm"),
        new('c', 5, 0, "rwm"), new('c', 5, 1, "rwm"), new('c', 5, 2, "rwm"), new('c', 136, null, "rwm"),
    ];

    // Loaded once, and kept: to load one has the kernel verify it.
    private static readonly Lazy<int> s_usual = new(() => DeviceProgram.TryLoad(DeviceProgram.Assemble(Usual)));

    /// <summary>The tree of v1's controller, where it is the one that is used; null where there is another way, or none.</summary>
    public static CgroupHierarchy? ByLegacy(CgroupHost host) => Kernel.geteuid() != 0 || ByProgram(host) ? null : host.Of("devices");

    /// <summary>Whether the kernel takes programs for cgroups of v2 from this process.</summary>
    public static bool ByProgram(CgroupHost host) => host.Unified is not null && s_usual.Value >= 0;

    /// <summary>Whether a cgroup gets rules for devices, in either way.</summary>
    public static bool IsThere(CgroupHost host) => ByProgram(host) || ByLegacy(host) is not null;

    /// <exception cref="KernelException">The kernel does not take it.</exception>
    public static void Apply(ContainerCgroup cgroup, ImmutableArray<DeviceRule> more)
    {
        if (cgroup.With("devices") is { } devices)
        {
            devices.Handle.Write("devices.deny", "a");
            foreach (DeviceRule rule in Usual.AddRange(more))
            {
                devices.Handle.Write("devices.allow", rule.ToString());
            }
        }
        else if (cgroup.Unified is { } unified && s_usual.Value >= 0)
        {
            int program = more.IsEmpty ? s_usual.Value : (int)Kernel.Check(DeviceProgram.TryLoad(DeviceProgram.Assemble(Usual.AddRange(more))), "load the rules for devices of", unified.Path);
            int result = DeviceProgram.TryAttach(program, unified.Descriptor);
            if (program != s_usual.Value)
            {
                Kernel.close(program);
            }

            Kernel.Check(result, "attach the rules for devices to", unified.Path);
        }
    }
}
