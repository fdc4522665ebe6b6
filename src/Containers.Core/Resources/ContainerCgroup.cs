using System.Collections.Immutable;
using Containers.Native;

namespace Containers.Resources;

/// <summary>The cgroup of a container, made: one directory in v2, and one in each tree of v1 that it needs.</summary>
internal sealed class ContainerCgroup : IDisposable
{
    private static readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> s_madeParents = new();
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly List<(CgroupDirectory Directory, CgroupHandle Handle)> _made = [];
    private readonly Lock _gate = new();
    private readonly string _id;

    private ContainerCgroup(string id, ResourceLimits limits) => (_id, Limits) = (id, limits);

    /// <summary>Those in effect.</summary>
    public ResourceLimits Limits { get; private set; }

    /// <summary>That of v2; null where there is v1 only.</summary>
    public CgroupHandle? Unified => _made is [{ Directory.Hierarchy.Unified: true } first, ..] ? first.Handle : null;

    /// <summary>Those of v1.</summary>
    public IEnumerable<CgroupHandle> Legacy => _made.Where(one => !one.Directory.Hierarchy.Unified).Select(one => one.Handle);

    /// <summary>The first of its directories: that of v2 if there is one.</summary>
    public CgroupHandle Main => _made[0].Handle;

    /// <summary>Makes it, with its limits, and nobody in it.</summary>
    /// <exception cref="ContainerException">It cannot be made, or the kernel does not take a limit.</exception>
    public static ContainerCgroup Make(CgroupPlan plan, string id, ImmutableArray<DeviceRule> devices)
    {
        ContainerCgroup cgroup = new(id, plan.Limits);
        try
        {
            foreach (CgroupDirectory directory in plan.Directories)
            {
                CgroupHandle handle = MakeOne(directory, plan.Named);
                cgroup._made.Add((directory, handle));
                if (!directory.Hierarchy.Unified && directory.Controllers.Contains("cpuset"))
                {
                    InheritCpuset(directory, handle);
                }

                Write(handle, plan.Writes(directory, handle));
            }

            DeviceControl.Apply(cgroup, devices);
            return cgroup;
        }
        catch
        {
            cgroup.Dispose();
            throw;
        }
    }

    /// <summary>The directory that has a controller.</summary>
    /// <param name="controller">By v2's name; or one that v1 alone has: freezer, devices, cpuacct.</param>
    /// <returns>Null when the container was started without it.</returns>
    public (CgroupHandle Handle, bool Unified)? With(string controller)
    {
        foreach ((CgroupDirectory directory, CgroupHandle handle) in _made)
        {
            if (directory.Controllers.Contains(controller))
            {
                return (handle, directory.Hierarchy.Unified);
            }
        }

        return null;
    }

    /// <summary>Changes limits while processes are in it.</summary>
    /// <exception cref="ContainerException">The container was started without a controller, or the kernel does not take a limit.</exception>
    public void Update(ResourceLimits change)
    {
        LimitChecks.CheckHost(LimitChecks.Check(change));
        CgroupPlan.CheckVersion(Limits.With(change), CgroupHost.Current);
        foreach (string controller in change.Controllers())
        {
            if (With(controller) is null)
            {
                throw new ContainerException($"The limit needs the cgroup controller {controller}, and the container \"{_id}\" was started without it.",
                    $"A container that is started {nameof(ContainerBuilder.WithCgroup)}(), or with a limit of {controller}, has it.");
            }
        }

        lock (_gate)
        {
            ResourceLimits all = LimitChecks.Check(Limits.With(change));
            foreach ((CgroupDirectory directory, CgroupHandle handle) in _made)
            {
                if (directory.Hierarchy.Unified)
                {
                    // What is not said stays: of the cpu's two values, too.
                    ResourceLimits written = change.Cpus is null && change.CpuPeriod is null ? change : change with { Cpus = all.Cpus, CpuPeriod = all.CpuPeriod };
                    written = written.Memory is not null && Limits.Swap is { } swap && written.Swap is null ? written with { Swap = swap } : written;
                    Write(handle, Mine(directory, LimitFiles.Unified(written)));
                }
                else
                {
                    ResourceLimits written = change.Cpus is null && change.CpuPeriod is null ? change : change with { Cpus = all.Cpus, CpuPeriod = all.CpuPeriod };
                    Write(handle, Mine(directory, LimitFiles.Legacy(written)));
                    if ((change.Memory ?? change.Swap) is not null)
                    {
                        bool grows = all.Memory is null or ResourceLimits.Unlimited || (Limits.Memory is { } before && before != ResourceLimits.Unlimited && all.Memory > before);
                        Write(handle, Mine(directory, LimitFiles.LegacyMemory(all, grows)));
                    }
                }

                if (change.IoWeight is { } weight && directory.Controllers.Contains("io"))
                {
                    Write(handle, [LimitFiles.IoWeight(handle, directory.Hierarchy.Unified, weight)]);
                }
            }

            Limits = all;
        }
    }

    /// <summary>Whether its processes were stopped, and not let go on.</summary>
    public bool Paused { get; private set; }

    public async Task FreezeAsync(CancellationToken cancellation)
    {
        Paused = true;
        try
        {
            await CgroupFreezer.FreezeAsync(this, cancellation).ConfigureAwait(false);
        }
        catch
        {
            Paused = false;
            throw;
        }
    }

    public void Thaw()
    {
        CgroupFreezer.Thaw(this);
        Paused = false;
    }

    /// <summary>Ends every process in it, also those that the command's end would leave.</summary>
    public void Kill()
    {
        lock (_gate)
        {
            if (_made.Count > 0)
            {
                CgroupProcesses.Kill(Main);
            }
        }
    }

    /// <summary>Kills what is in it, and removes it.</summary>
    /// <exception cref="KernelException">A process would not end.</exception>
    public void Dispose()
    {
        lock (_gate)
        {
            KernelException? failure = null;
            if (_made.Count > 0 && CgroupProcesses.IsPopulated(Main))
            {
                CgroupProcesses.Kill(Main);
            }

            for (int i = _made.Count - 1; i >= 0; i--)
            {
                (CgroupDirectory directory, CgroupHandle handle) = _made[i];
                if (CgroupProcesses.TryRemove(handle, s_patience) is { } errno)
                {
                    failure ??= new KernelException("remove the cgroup", handle.Path, errno, errno == Errno.EBUSY ? "A process in it cannot be ended: it waits in the kernel for something that does not come. The next host process tries again." : null);
                }

                handle.Dispose();
                RemoveParent(directory);
            }

            _made.Clear();
            if (failure is not null)
            {
                throw failure;
            }
        }
    }

    private static IEnumerable<LimitWrite> Mine(CgroupDirectory directory, IEnumerable<LimitWrite> writes) => writes.Where(write => directory.Controllers.Contains(write.Controller));

    private static CgroupHandle MakeOne(CgroupDirectory directory, bool named)
    {
        MakeParent(directory);
        CgroupSweep.Once(CgroupHost.Current, directory.Parent[directory.Hierarchy.Mount.Length..]);
        if (directory.Hierarchy.Unified)
        {
            using CgroupHandle parent = CgroupHandle.TryOpen(directory.Parent) ?? throw new KernelException("open the cgroup", directory.Parent, Errno.ENOENT);
            CgroupPlace.Enable(parent, directory.Controllers);
        }

        while (true)
        {
            try
            {
                if (CgroupHandle.TryMake(directory.Path) is { } made)
                {
                    return made;
                }
            }
            catch (KernelException e) when (e.Errno is Errno.EACCES or Errno.EPERM or Errno.EROFS)
            {
                throw new KernelException("make the cgroup", directory.Path, e.Errno, e.Errno == Errno.EROFS ? $"\"{directory.Hierarchy.Mount}\" is mounted read-only, as in a container." : "It is not this user's to make there.");
            }

            // One that was named may be left of a host that was killed: empty, and nobody answers for it.
            if (!named || !CgroupSweep.TryRemove(directory.Path, kill: false))
            {
                throw new ContainerException($"There is a cgroup \"{directory.Path}\" already, and it is in use.", "A name can be used again when its container has been disposed.");
            }
        }
    }

    // What is missing of a parent that was named is made, as others do, and removed by the last container in it.
    private static void MakeParent(CgroupDirectory directory)
    {
        if (Directory.Exists(directory.Parent))
        {
            return;
        }

        string path = directory.Hierarchy.Mount;
        foreach (string name in directory.Parent[path.Length..].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            string below = $"{path}/{name}";
            if (!Directory.Exists(below))
            {
                if (directory.Hierarchy.Unified)
                {
                    using CgroupHandle above = CgroupHandle.TryOpen(path) ?? throw new KernelException("open the cgroup", path, Errno.ENOENT);
                    CgroupPlace.Enable(above, directory.Controllers);
                }

                using CgroupHandle? made = CgroupHandle.TryMake(below);
                if (made is not null)
                {
                    s_madeParents[below] = true;
                    if (!directory.Hierarchy.Unified && directory.Controllers.Contains("cpuset"))
                    {
                        InheritCpuset(path, made);
                    }
                }
            }

            path = below;
        }
    }

    private static void RemoveParent(CgroupDirectory directory)
    {
        for (string path = directory.Parent; s_madeParents.ContainsKey(path); path = Path.GetDirectoryName(path)!)
        {
            using CgroupHandle? parent = CgroupHandle.TryOpen(path);
            if (parent?.TryRemove() is not null)
            {
                return; // another container is in it
            }

            s_madeParents.TryRemove(path, out _);
        }
    }

    private static void InheritCpuset(CgroupDirectory directory, CgroupHandle handle) => InheritCpuset(directory.Parent, handle);

    // A cpuset of v1 is born with no processor and no memory, and nobody can be in it.
    private static void InheritCpuset(string parent, CgroupHandle handle)
    {
        foreach (string file in (ReadOnlySpan<string>)["cpuset.cpus", "cpuset.mems"])
        {
            handle.Write(file, File.ReadAllText($"{parent}/{file}").Trim());
        }
    }

    private static void Write(CgroupHandle handle, IEnumerable<LimitWrite> writes)
    {
        foreach (LimitWrite write in writes)
        {
            if (handle.TryWrite(write.File, write.Value) is { } errno && !(errno == Errno.ENOENT && write.WhereThere))
            {
                throw new KernelException($"limit {write.Controller}: write \"{write.Value}\" to", $"{handle.Path}/{write.File}", errno, Hint(write, errno));
            }
        }
    }

    private static string? Hint(LimitWrite write, Errno errno) => (write.File, errno) switch
    {
        ("memory.swap.max" or "memory.memsw.limit_in_bytes", Errno.ENOENT) => "This kernel does not account for swap: CONFIG_SWAP is off, or it was started with swapaccount=0.",
        (_, Errno.ENOENT) => "This kernel's controller has no such limit.",
        ("memory.limit_in_bytes" or "memory.memsw.limit_in_bytes", Errno.EBUSY) => "More than that is in use and cannot be freed.",
        ("io.max", Errno.ENODEV) => "The disk has no queue that could be limited.",
        (_, Errno.EINVAL or Errno.ERANGE) => "The kernel, or a limit of a cgroup above, does not allow the value.",
        (_, Errno.EACCES or Errno.EPERM) => "It is not this user's to change.",
        _ => null,
    };
}
