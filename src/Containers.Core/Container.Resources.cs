using Containers.Resources;

namespace Containers;

// What it uses, and how that is changed: all by its cgroup.
public sealed partial class Container
{
    private readonly Lock _resourcesGate = new();
    private ContainerCgroup? _cgroup;
    private bool _isPaused;
    private OomWatch? _oomWatch;
    private EventHandler<OutOfMemoryEventArgs>? _outOfMemory;

    /// <summary>
    /// The directory of its cgroup on the host, that of cgroup v2 where there is one; null for a container without. A container has a cgroup
    /// when it has limits, or asked for one: <see cref="ContainerBuilder.WithCgroup(string?)"/>.
    /// </summary>
    public string? Cgroup => _cgroup?.Main.Path;

    /// <summary>The limits in effect.</summary>
    public ResourceLimits Limits => _cgroup?.Limits ?? ResourceLimits.None;

    /// <summary>
    /// A process of the container was killed for want of memory: its limit, or that of a cgroup above. Raised on a thread of the pool as soon as
    /// the kernel tells, and at once when it has happened before someone listens.
    /// </summary>
    /// <exception cref="ContainerException">To listen to it needs a container that was started with the controller memory.</exception>
    public event EventHandler<OutOfMemoryEventArgs>? OutOfMemory
    {
        add
        {
            ContainerCgroup cgroup = RequireCgroup("Want of memory is told");
            if (cgroup.With("memory") is null)
            {
                throw new ContainerException($"Want of memory is not known of the container \"{Id}\": it was started without the cgroup controller memory.", $"{nameof(ContainerBuilder.WithMemoryLimit)}, or {nameof(ContainerBuilder.WithCgroup)}(), gives it.");
            }

            lock (_resourcesGate)
            {
                _outOfMemory += value;
                if (_oomWatch is null && _disposed == 0)
                {
                    _oomWatch = new OomWatch(cgroup, kills => _outOfMemory?.Invoke(this, new OutOfMemoryEventArgs(kills)));
                }
            }
        }

        remove
        {
            lock (_resourcesGate)
            {
                _outOfMemory -= value;
            }
        }
    }

    /// <summary>What its processes have used until now. It can be asked until the container is disposed, also after its end.</summary>
    /// <exception cref="ContainerException">It has no cgroup, or is disposed.</exception>
    public ContainerStatistics GetStatistics() => StatisticsReader.Read(RequireCgroup("What it uses is counted"));

    /// <summary>Stops all processes of the container where they are. When this has ended, none of them runs.</summary>
    /// <param name="cancellationToken">Gives up, and lets them go on.</param>
    /// <exception cref="ContainerException">It has no cgroup, or has ended.</exception>
    public async Task PauseAsync(CancellationToken cancellationToken = default)
    {
        ContainerCgroup cgroup = RequireCgroup("Processes are paused");
        RequireRunning("paused");
        await cgroup.FreezeAsync(cancellationToken).ConfigureAwait(false);
        _isPaused = true;
    }

    /// <summary>Lets the processes of a paused container go on.</summary>
    /// <param name="cancellationToken">Not used: there is nothing to wait for.</param>
    /// <exception cref="ContainerException">It has no cgroup, or has ended.</exception>
    public Task ResumeAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ContainerCgroup cgroup = RequireCgroup("Processes are paused");
        RequireRunning("resumed");
        cgroup.Thaw();
        _isPaused = false;
        return Task.CompletedTask;
    }

    /// <summary>Changes limits while it runs.</summary>
    /// <param name="limits">What is null stays as it is; <see cref="ResourceLimits.Unlimited"/> takes a limit away.</param>
    /// <param name="cancellationToken">Gives up before something is changed.</param>
    /// <exception cref="ContainerException">It has no cgroup, or was started without the controller, or the kernel does not take a value; those before it are in effect then.</exception>
    public async Task UpdateAsync(ResourceLimits limits, CancellationToken cancellationToken = default)
    {
        LimitChecks.Check(limits);
        ContainerCgroup cgroup = RequireCgroup("Limits are changed");
        await Task.Run(() => cgroup.Update(limits), cancellationToken).ConfigureAwait(false); // to take memory back may take the kernel a while
    }

    /// <summary>For tests: what another process needs to know to join it.</summary>
    internal Launch.LaunchRequest RequestToJoin()
    {
        _parts.PrepareExec(_request);
        return _request;
    }

    /// <summary>The CPU time of its cgroup; null where it cannot be read just now.</summary>
    internal TimeSpan? CpuUsed
    {
        get
        {
            try
            {
                return _cgroup is { } cgroup ? StatisticsReader.Cpu(cgroup).Total : null;
            }
            catch (KernelException)
            {
                return null; // this process has no descriptor left, perhaps
            }
        }
    }

    internal void Attach(ContainerCgroup cgroup) => _cgroup = cgroup;

    private void StopWatching()
    {
        lock (_resourcesGate)
        {
            _oomWatch?.Dispose();
        }
    }

    private ContainerCgroup RequireCgroup(string what)
        => _cgroup is null ? throw new ContainerException($"{what} by a cgroup, and the container \"{Id}\" was started without one.", $"{nameof(ContainerBuilder.WithCgroup)}() gives it one, and so does a limit.")
            : _disposed != 0 ? throw new ContainerException($"The container \"{Id}\" is disposed, and its cgroup with it.")
            : _cgroup;

    private void RequireRunning(string what)
    {
        if (Exit is not null)
        {
            throw new ContainerException($"The container \"{Id}\" cannot be {what}: it has ended.");
        }
    }
}

/// <summary>Tells that a process of a container was killed for want of memory.</summary>
/// <param name="kills">How many.</param>
public sealed class OutOfMemoryEventArgs(long kills) : EventArgs
{
    /// <summary>How many processes of the container have been killed so until now.</summary>
    public long Kills => kills;
}
