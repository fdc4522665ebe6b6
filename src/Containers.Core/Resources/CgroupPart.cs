using Containers.Launch;
using Containers.Native;
using Containers.Security.Credentials;

namespace Containers.Resources;

/// <summary>A container's cgroup, in its life: made before the child, joined by it, removed after it.</summary>
internal sealed class CgroupPart(ContainerSpec spec) : LaunchPart
{
    private ContainerCgroup? _cgroup;
    private OomWatch? _oom;

    public override void Foresee(LaunchRequest request)
    {
        const int Example = 4; // a number that a descriptor may have
        CgroupPlan plan = CgroupPlan.Of(spec, request.Id, CgroupHost.Current);
        request.Cgroup = plan.Directories[0].Hierarchy.Unified ? Example : -1;
        request.LegacyCgroups = [.. plan.Directories.Where(one => !one.Hierarchy.Unified).Select((_, index) => Example + 1 + index)];
        request.SeesCgroup = SeesCgroup;
        request.ControlsDevices = DeviceControl.IsThere(CgroupHost.Current);
        request.CgroupCommands = [.. CgroupScript.Of(plan)];
    }

    public override void Prepare(LaunchRequest request)
    {
        CgroupPlan plan = CgroupPlan.Of(spec, request.Id, CgroupHost.Current);
        _cgroup = ContainerCgroup.Make(plan, request.Id, [.. spec.DeviceRules, .. spec.Devices.Select(device => DeviceNodes.Find(device).Rule)]);
        request.SeesCgroup = SeesCgroup;
        request.ControlsDevices = DeviceControl.IsThere(CgroupHost.Current);
        Join(request);
    }

    public override void PrepareExec(LaunchRequest request)
    {
        if (_cgroup!.Paused)
        {
            throw new ContainerException($"Nothing can be executed in the container \"{request.Id}\": it is paused, and a process that joins it would be, too.", $"{nameof(Container.ResumeAsync)} lets it go on.");
        }

        Join(request);
    }

    /// <summary>
    /// Killed by nobody that is known, in a container that the kernel has killed a process of for want of memory: that was it. A shell returns
    /// 137 when its command was.
    /// </summary>
    public override ContainerExit Explain(ContainerExit exit)
    {
        bool mayBe = exit is { Reason: ExitReason.Signaled, Signal: Kernel.SIGKILL } or { Reason: ExitReason.Exited, ExitCode: 128 + Kernel.SIGKILL };
        if (mayBe && StatisticsReader.OomKills(_cgroup!) > 0)
        {
            exit = exit with { Reason = ExitReason.OutOfMemory };
        }

        CpuStatistics? cpu = _cgroup!.Unified is null && _cgroup.With("cpuacct") is null ? null : StatisticsReader.Cpu(_cgroup);
        return exit with
        {
            Usage = (exit.Usage ?? new ResourceUsage(default, default, null)) with
            {
                UserTime = cpu?.User ?? exit.Usage?.UserTime ?? default,
                SystemTime = cpu?.System ?? exit.Usage?.SystemTime ?? default,
                PeakMemoryBytes = StatisticsReader.PeakMemory(_cgroup) ?? exit.Usage?.PeakMemoryBytes,
            },
        };
    }

    public override void Started(Container container)
    {
        container.Attach(_cgroup!);
        if (spec.Limits.OomGroup == true && _cgroup!.With("memory") is { Unified: false })
        {
            _oom = new OomWatch(_cgroup, _ => _cgroup.Kill()); // v1 knows no groups
        }
    }

    public override void Kill() => _cgroup?.Kill();

    public override void Dispose()
    {
        _oom?.Dispose();
        _cgroup?.Dispose();
        base.Dispose();
    }

    // In hybrid hosts cgroup v2 would show no limits, and v1 has release_agent.
    private bool SeesCgroup => CgroupHost.Current.Mode == CgroupMode.V2 && spec.Private(ContainerNamespaces.Cgroup) && spec.Private(ContainerNamespaces.Mount);

    private void Join(LaunchRequest request)
    {
        request.Cgroup = _cgroup!.Unified?.Descriptor ?? -1;
        request.LegacyCgroups = [.. _cgroup.Legacy.Select(one => one.Descriptor)];
        request.Vfork = true;
    }
}
