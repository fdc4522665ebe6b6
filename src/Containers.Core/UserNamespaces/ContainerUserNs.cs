using Containers.Launch;
using Containers.Native;
using Containers.Native.Netlink;

namespace Containers.UserNamespaces;

/// <summary>
/// The user namespace of one container, made before it: with its ids mapped, and with a network namespace that belongs to it
/// where the container has one. The container is cloned by its <see cref="Deputy"/>, so that all its other namespaces
/// belong to it, too.
/// </summary>
internal sealed class ContainerUserNs : LaunchPart
{
    private readonly bool _seen;
    private PreparedMounts? _mounts;
    private bool _sleeps;

    private ContainerUserNs(Deputy deputy, IdMaps maps, bool seen) => (Deputy, Maps, _seen) = (deputy, maps, seen);

    public Deputy Deputy { get; }

    public IdMaps Maps { get; }

    /// <summary>Makes what a spec asks for; null where it shares the host's users.</summary>
    /// <exception cref="ContainerException">The host does not allow it, or the maps are not right.</exception>
    public static ContainerUserNs? Make(ContainerSpec spec)
    {
        if (UserNamespaceChoice.MapsOf(spec) is not { } maps)
        {
            return null;
        }

        bool hasNetwork = spec.Private(ContainerNamespaces.Net);
        bool mounts = spec.RootMode == RootMode.FuseOverlay; // which it can do in a mount namespace of its own only
        Deputy deputy = Start(maps, (hasNetwork ? Kernel.CLONE_NEWNET : 0) | (mounts ? Kernel.CLONE_NEWNS : 0));
        try
        {
            if (hasNetwork)
            {
                Kernel.Check(Loopback.SetUp(deputy), "set up link", "lo");
            }

            return new ContainerUserNs(deputy, maps, seen: !spec.Private(ContainerNamespaces.Pid));
        }
        catch
        {
            deputy.Dispose();
            throw;
        }
    }

    /// <summary>A deputy in a new user namespace with these ids.</summary>
    public static Deputy Start(IdMaps maps, ulong namespaces = 0)
    {
        Deputy deputy;
        try
        {
            deputy = Deputy.Start(namespaces);
        }
        catch (KernelException exception)
        {
            throw new KernelException("make a user namespace: clone3", null, exception.Errno, HostRestrictions.WhyNoNamespace(exception.Errno) ?? exception.Hint);
        }

        try
        {
            MapWriter.Write(deputy.Pid, maps);
            return deputy;
        }
        catch
        {
            deputy.Dispose();
            throw;
        }
    }

    public override void Prepare(LaunchRequest request)
    {
        if (_seen && request.Vfork && request.Spec.Capabilities.Contains(Capability.SysPtrace))
        {
            // The deputy sleeps until the command executes, and so for a moment after: one that may trace it would have this process's memory.
            throw new ContainerException("A container with users of its own, the host's processes in sight and a limit on memory cannot have the capability to trace processes.",
                $"Leave one of them out: {nameof(ContainerBuilder.WithHostPidNs)}(), the limit, or {nameof(Capability.SysPtrace)}.");
        }

        _sleeps = request.Vfork;
        StateOwner.Give(request.StateDirectory, Maps);
        if (Kernel.geteuid() == 0)
        {
            _mounts = PreparedMounts.Make(request, Deputy);
        }
    }

    /// <summary>Where the container sees the host's processes, the deputy has to be gone before the command runs: it has this process's memory.</summary>
    public override bool WaitsAt(LaunchGate gate) => gate == LaunchGate.Born && _seen;

    public override void AtGate(LaunchGate gate, LaunchedChild child)
    {
        if (!_sleeps)
        {
            Deputy.Dispose();
        }
    }

    public override void Started(Container container) => Dispose();

    /// <summary>The deputy has cloned the container, and is gone when this returns; what it was given is its own.</summary>
    public override void Dispose()
    {
        Deputy.Dispose();
        _mounts?.Dispose();
        base.Dispose();
    }
}
