namespace Containers;

// Namespaces: a call that makes each one private, and one that shares it with the host.
public sealed partial class ContainerBuilder
{
    /// <summary>Mounts of its own. The default.</summary>
    public ContainerBuilder WithMountNs() => Private(ContainerNamespaces.Mount);

    /// <summary>
    /// Mounts in the host's namespace: the container's mounts are seen there while it lives, and it sees the host's below
    /// its root only. The root is entered by chroot, which does not hold root in: for tools, not for isolation.
    /// </summary>
    public ContainerBuilder WithHostMountNs() => Shared(ContainerNamespaces.Mount);

    /// <summary>Processes of its own, of which the command is number 1. The default.</summary>
    /// <remarks>To the kernel, process 1 is init: signals it has no handler for are not delivered to it, but for SIGKILL. What it leaves behind is killed when it ends.</remarks>
    public ContainerBuilder WithPidNs() => Private(ContainerNamespaces.Pid);

    /// <summary>Sees the host's processes. What the command leaves behind lives on when it ends.</summary>
    public ContainerBuilder WithHostPidNs() => Shared(ContainerNamespaces.Pid);

    /// <summary>A host name of its own. The default.</summary>
    public ContainerBuilder WithUtsNs() => Private(ContainerNamespaces.Uts);

    /// <summary>Has the host's name.</summary>
    public ContainerBuilder WithHostUtsNs() => Shared(ContainerNamespaces.Uts);

    /// <summary>System V IPC and message queues of its own. The default.</summary>
    public ContainerBuilder WithIpcNs() => Private(ContainerNamespaces.Ipc);

    /// <summary>Shares System V IPC and message queues with the host.</summary>
    public ContainerBuilder WithHostIpcNs() => Shared(ContainerNamespaces.Ipc);

    /// <summary>Sees its own cgroup as the root of all. The default.</summary>
    public ContainerBuilder WithCgroupNs() => Private(ContainerNamespaces.Cgroup);

    /// <summary>Sees cgroups as the host does.</summary>
    public ContainerBuilder WithHostCgroupNs() => Shared(ContainerNamespaces.Cgroup);

    /// <summary>Gives the monotonic and boot time clocks offsets of the container's own. Entering such a namespace at exec needs Linux 6.3.</summary>
    /// <param name="monotonic">Added to CLOCK_MONOTONIC.</param>
    /// <param name="bootTime">Added to CLOCK_BOOTTIME.</param>
    public ContainerBuilder WithTimeNs(TimeSpan monotonic = default, TimeSpan bootTime = default)
        => WithSpec(Private(ContainerNamespaces.Time).Spec with { MonotonicOffset = monotonic, BootTimeOffset = bootTime });

    /// <summary>Has the host's clocks. The default.</summary>
    public ContainerBuilder WithHostTimeNs()
        => WithSpec(Shared(ContainerNamespaces.Time).Spec with { MonotonicOffset = default, BootTimeOffset = default });

    private ContainerBuilder Private(ContainerNamespaces one) => WithSpec(Spec with { Namespaces = Spec.Namespaces | one });

    private ContainerBuilder Shared(ContainerNamespaces one) => WithSpec(Spec with { Namespaces = Spec.Namespaces & ~one });
}
