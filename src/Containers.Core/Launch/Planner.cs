using System.Collections.Immutable;
using Containers.Native;
using Containers.Security.Credentials;

namespace Containers.Launch;

/// <summary>Decides what is done, and in which order, for what a request asks.</summary>
internal static class Planner
{
    private const ulong NoSuidDevExec = Kernel.MOUNT_ATTR_NOSUID | Kernel.MOUNT_ATTR_NODEV | Kernel.MOUNT_ATTR_NOEXEC;

    // Alike in every container, so made once.
    private static readonly MakeMountsPrivate s_makeMountsPrivate = new();
    private static readonly MountFileSystem s_proc = new("proc", "/proc", NoSuidDevExec, "", MountFileSystem.Keep.Proc);
    private static readonly MountFileSystem s_procOwn = new("proc", "/proc", NoSuidDevExec, "hidepid=2", MountFileSystem.Keep.Proc);
    private static readonly MountFileSystem s_procOnly = new("proc", "/proc", NoSuidDevExec, "subset=pid", MountFileSystem.Keep.Proc);
    private static readonly MountFileSystem s_sys = new("sysfs", "/sys", NoSuidDevExec | Kernel.MOUNT_ATTR_RDONLY, "", MountFileSystem.Keep.Sys);
    private static readonly MountFileSystem s_dev = new("tmpfs", "/dev", Kernel.MOUNT_ATTR_NOSUID | Kernel.MOUNT_ATTR_NOEXEC, "mode=755,size=64m", MountFileSystem.Keep.Dev);
    private static readonly MountCgroup s_cgroup = new();
    private static readonly MakeDevices s_devices = new();
    private static readonly MountFileSystem s_pts = new("devpts", "/dev/pts", Kernel.MOUNT_ATTR_NOSUID | Kernel.MOUNT_ATTR_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
    private static readonly MountFileSystem s_shm = new("tmpfs", "/dev/shm", NoSuidDevExec, "mode=1777,size=64m");
    private static readonly MountFileSystem s_mqueue = new("mqueue", "/dev/mqueue", NoSuidDevExec, "");
    private static readonly BindTree s_hostProc = new("/proc", readOnly: false, MountFileSystem.Keep.Proc, "The processes are the host's, and so has to be what tells of them: root of a user namespace mounts no other");
    private static readonly BindTree s_hostSys = new("/sys", readOnly: true, MountFileSystem.Keep.Sys, "The network is the host's, and so is what tells of its devices: root of a user namespace mounts no other");
    private static readonly BindTree s_hostMqueue = new("/dev/mqueue", readOnly: false, MountFileSystem.Keep.Nothing, "The message queues are the host's");
    private static readonly NullStreams s_nullStreams = new();
    private static readonly MaskPaths s_mask = new(DefaultPolicy.MaskedPaths);
    private static readonly ProtectPaths s_protect = new(DefaultPolicy.ReadOnlyPaths);
    private static readonly EnterRoot s_pivot = new(privateMounts: true);
    private static readonly EnterRoot s_chroot = new(privateMounts: false);
    private static readonly LoopbackUp s_loopback = new();
    private static readonly NewKeyring s_keyring = new();
    private static readonly WaitAtGate s_born = new(LaunchGate.Born);
    private static readonly WaitAtGate s_ready = new(LaunchGate.Ready);

    public static ulong CloneFlags(LaunchRequest request)
    {
        ContainerNamespaces namespaces = request.Network.Namespace < 0 && !request.Network.Inherited ? request.Spec.Namespaces : request.Spec.Namespaces & ~ContainerNamespaces.Net;
        ulong flags = Kernel.CLONE_FILES; // undone by the first step that closes descriptors
        Add(ContainerNamespaces.Mount, Kernel.CLONE_NEWNS);
        Add(ContainerNamespaces.Pid, Kernel.CLONE_NEWPID);
        Add(ContainerNamespaces.Uts, Kernel.CLONE_NEWUTS);
        Add(ContainerNamespaces.Ipc, Kernel.CLONE_NEWIPC);
        Add(ContainerNamespaces.Net, Kernel.CLONE_NEWNET);
        if (!request.HasCgroup)
        {
            Add(ContainerNamespaces.Cgroup, Kernel.CLONE_NEWCGROUP);
        }

        Add(ContainerNamespaces.Time, Kernel.CLONE_NEWTIME);
        return flags;

        void Add(ContainerNamespaces one, ulong flag)
        {
            if ((namespaces & one) != 0)
            {
                flags |= flag;
            }
        }
    }

    public static List<LaunchOperation> Plan(LaunchRequest request, int hostPidFd)
    {
        ContainerSpec spec = request.Spec;
        bool privateMounts = spec.Private(ContainerNamespaces.Mount);
        List<LaunchOperation> plan = new(32);

        DieWithHost dieWithHost = new(hostPidFd);
        plan.Add(dieWithHost);
        if (request.WaitsWhenBorn)
        {
            plan.Add(s_born);
        }

        if (request.HasCgroup)
        {
            plan.Add(new EnterCgroups(request));
        }

        if (request.Network.Namespace >= 0)
        {
            plan.Add(new EnterNetNamespace(request.Network)); // its descriptor is the host's, and goes with the others
        }

        if (request.Maps is not null)
        {
            plan.Add(new EnterStateDirectory(request));
        }

        plan.Add(new TakeStreams(hostPidFd, [.. Reached(request)]));
        if (spec.Private(ContainerNamespaces.Time))
        {
            plan.Add(new SetTimeOffsets(spec.MonotonicOffset, spec.BootTimeOffset));
        }

        if (privateMounts)
        {
            plan.Add(s_makeMountsPrivate);
        }

        if (request.Maps is { } maps)
        {
            plan.Add(new OpenBinds([.. spec.Mounts.OfType<ContainerMount.Bind>()]));
            plan.Add(new BecomeRoot(maps));
            plan.Add(dieWithHost); // a change of ids clears it: prctl(2)
        }

        if (request.Disk is { } disk && request.HostRoot < 0)
        {
            plan.Add(new MountDisk(request, disk));
        }

        plan.Add(spec.RootMode == RootMode.FuseOverlay ? new AttachFuseOverlay(request) : request.Overlay ? new MountOverlay(request) : new BindRoot(request));

        // While the host's /proc is still there: in a user namespace the kernel wants to see one that is fully visible.
        plan.Add(ProcOf(request));
        plan.Add(request.Maps is null || request.Network.Inherited ? s_sys : s_hostSys);
        if (request.SeesCgroup)
        {
            plan.Add(s_cgroup);
        }

        plan.Add(s_dev);
        plan.Add(s_devices);
        plan.Add(s_pts);
        plan.Add(s_shm);
        if (request.Maps is null || spec.Private(ContainerNamespaces.Ipc))
        {
            plan.Add(s_mqueue);
        }
        else if (Directory.Exists("/dev/mqueue"))
        {
            plan.Add(s_hostMqueue);
        }

        if (request.Terminal is not null)
        {
            plan.Add(new OpenTerminal(request, first: true));
        }
        else if (request.Streams.Input < 0 || request.Streams.Output < 0 || request.Streams.Error < 0)
        {
            plan.Add(s_nullStreams);
        }

        foreach (ContainerMount mount in spec.Mounts)
        {
            plan.Add(mount switch
            {
                ContainerMount.Bind bind => new BindMount(bind),
                ContainerMount.Tmpfs tmpfs => new MountFileSystem("tmpfs", tmpfs.Target, Kernel.MOUNT_ATTR_NOSUID | Kernel.MOUNT_ATTR_NODEV,
                    tmpfs.SizeBytes is { } size ? $"mode=1777,size={size}" : "mode=1777", links: true),
                _ => throw new NotSupportedException(mount.ToString()),
            });
        }

        if (spec.EtcFiles)
        {
            plan.Add(new MountEtcFiles(request));
        }

        foreach (ContainerDevice device in spec.Devices)
        {
            plan.Add(new GiveDevice(device, bind: request.Maps is not null));
        }

        if (spec.Sysctls.Count > 0)
        {
            plan.Add(new SetSysctls(spec.Sysctls));
        }

        AddProtection(plan, spec);

        if (spec.ReadOnlyRoot)
        {
            plan.Add(new MakeRootReadOnly(request));
        }

        if (spec.Private(ContainerNamespaces.Net) && request.Network is { Namespace: < 0, Inherited: false })
        {
            plan.Add(s_loopback);
        }

        if (spec.Private(ContainerNamespaces.Uts))
        {
            plan.Add(new SetHostname(request.Hostname));
        }

        plan.Add(privateMounts ? s_pivot : s_chroot);
        plan.Add(new EnterWorkingDirectory(request.WorkingDirectory));
        if (request.Init is { } init)
        {
            plan.Add(new BecomeExecutable(BecomeExecutable.Init, init.MemoryDescriptor, [hostPidFd]));
            return plan;
        }

        AddPolicy(plan, request, dieWithHost);
        plan.Add(new Execute(request));
        return plan;
    }

    /// <summary>What the init of a container does, once it is one.</summary>
    public static List<LaunchOperation> Inside(LaunchRequest request, int hostPidFd)
    {
        DieWithHost dieWithHost = new(hostPidFd);
        List<LaunchOperation> plan = [new PrepareInit(request, hostPidFd), dieWithHost];
        AddPolicy(plan, request, dieWithHost);
        plan.Add(new SpawnCommand(request));
        plan.Add(new Execute(request));
        return plan;
    }

    /// <summary>What the joiner does, and the process inside.</summary>
    public static List<LaunchOperation> Join(LaunchRequest request, JoinTarget target, int hostPidFd, int again = -1)
    {
        DieWithHost dieWithHost = new(hostPidFd);
        List<LaunchOperation> plan =
        [
            new EnterNamespaces(request, target, again),
            new SpawnInside(request, target),
            .. Labels(request.Spec, target.Proc),
            new LeaveHost(request, target, hostPidFd),
            dieWithHost,
        ];
        if (request.Maps is { } maps)
        {
            plan.Add(new BecomeRoot(maps));
            plan.Add(dieWithHost); // a change of ids clears it: prctl(2)
        }

        if (request.WaitsWhenBorn || request.WaitsWhenReady)
        {
            plan.Add(new WaitAtGate(LaunchGate.Born, announced: true));
        }

        if (request.Terminal is not null)
        {
            plan.Add(new OpenTerminal(request, first: false));
        }

        plan.Add(new EnterWorkingDirectory(request.WorkingDirectory));
        AddPolicy(plan, request, dieWithHost, labelled: true);
        plan.Add(new Execute(request));
        return plan;
    }

    // Descriptors of the host that the child comes to later.
    private static IEnumerable<int> Reached(LaunchRequest request)
    {
        foreach (int mount in request.HostMounts.Values)
        {
            yield return mount;
        }

        if (request.HostRoot >= 0)
        {
            yield return request.HostRoot;
        }

        if (request.TerminalSocket >= 0)
        {
            yield return request.TerminalSocket;
        }

        if (request.Init is { } init)
        {
            yield return init.MemoryDescriptor;
            yield return MemoryExecutable.Open(BecomeExecutable.Init);
        }
    }

    /// <summary>CLONE_NEW… of the namespaces that a container has for itself.</summary>
    public static ulong NamespacesToJoin(LaunchRequest request)
        => (CloneFlags(request) & ~Kernel.CLONE_FILES) | (request.Spec.Private(ContainerNamespaces.Net) ? Kernel.CLONE_NEWNET : 0)
            | (request.Spec.Private(ContainerNamespaces.Cgroup) ? Kernel.CLONE_NEWCGROUP : 0) | (request.Maps is not null ? Kernel.CLONE_NEWUSER : 0);

    private static LaunchOperation ProcOf(LaunchRequest request)
        => request.Maps is not null && !request.Spec.Private(ContainerNamespaces.Pid) ? s_hostProc : request.Spec.ProcVisibility switch
        {
            ProcVisibility.OwnProcesses => s_procOwn,
            ProcVisibility.OnlyProcesses => s_procOnly,
            _ => s_proc,
        };

    private static void AddProtection(List<LaunchOperation> plan, ContainerSpec spec)
    {
        // With subset=pid, /proc has nothing but processes, and so nothing to hide.
        ImmutableArray<string> masked = Present(spec.MaskedPaths), readOnly = Present(spec.ReadOnlyPaths);
        if (masked.Length > 0)
        {
            plan.Add(masked == DefaultPolicy.MaskedPaths ? s_mask : new MaskPaths(masked));
        }

        if (readOnly.Length > 0)
        {
            plan.Add(readOnly == DefaultPolicy.ReadOnlyPaths ? s_protect : new ProtectPaths(readOnly));
        }

        ImmutableArray<string> Present(ImmutableArray<string> paths)
            => spec.ProcVisibility == ProcVisibility.OnlyProcesses ? [.. paths.Where(path => !path.StartsWith("/proc/", StringComparison.Ordinal))] : paths;
    }

    private static IEnumerable<SetLabel> Labels(ContainerSpec spec, int proc)
    {
        if (spec.AppArmorProfile is { } profile)
        {
            yield return new SetLabel("AppArmor", CredentialChecks.AppArmorFile, "exec " + profile, proc);
        }

        if (spec.SelinuxLabel is { } label)
        {
            yield return new SetLabel("SELinux", "self/attr/exec", label, proc);
        }
    }

    // What needs privileges, while they are there.
    private static void AddAttributes(List<LaunchOperation> plan, ContainerSpec spec, bool labelled)
    {
        if (spec.OwnKeyring)
        {
            plan.Add(s_keyring);
        }

        if (spec.Scheduling is { } scheduling)
        {
            plan.Add(new SetScheduling(scheduling));
        }

        if (spec.IoPriority is { } priority)
        {
            plan.Add(new SetIoPriority(priority));
        }

        if (!spec.Affinity.IsEmpty)
        {
            plan.Add(new SetAffinity(spec.Affinity));
        }

        if (spec.Personality != Personality.Linux)
        {
            plan.Add(new SetPersonality(spec.Personality));
        }

        if (!labelled)
        {
            plan.AddRange(Labels(spec, proc: -1)); // nothing has run yet that could have changed what is at /proc
        }

        if (spec.Rlimits.Count > 0)
        {
            plan.Add(new SetRlimits(spec.Rlimits));
        }
    }

    /// <summary>What a process of the container may do, whether it is the first one or one that joins later. The root is entered already.</summary>
    private static void AddPolicy(List<LaunchOperation> plan, LaunchRequest request, DieWithHost dieWithHost, bool labelled = false)
    {
        MakeLandlockRules? landlock = request.Spec.Landlock is { } rules ? new MakeLandlockRules(rules) : null;
        if (landlock is not null)
        {
            plan.Add(landlock);
        }

        AddAttributes(plan, request.Spec, labelled);
        if (landlock is not null && !request.Spec.NoNewPrivileges)
        {
            plan.Add(new RestrictByLandlock(landlock)); // while CAP_SYS_ADMIN is there
        }

        // Without no_new_privs a filter can be set only while CAP_SYS_ADMIN is there, seccomp(2). With it the filter comes last, so
        // that the profile is about the command and not about this library.
        FilterSystemCalls? filter = request.Spec.FilteredBy is null ? null : new FilterSystemCalls(request.Spec);
        bool early = filter is not null && !request.Spec.NoNewPrivileges, waits = request.WaitsWhenReady;
        if (early)
        {
            plan.Add(filter!);
            if (waits && request.Spec.SystemCallWatch != SystemCallWatch.None)
            {
                plan.Add(s_ready); // the host has to listen before anything is asked
                waits = false;
            }
        }

        plan.Add(new DropPrivileges(request));
        plan.Add(dieWithHost); // again: a change of ids cleared it, prctl(2)
        plan.Add(new SettleProcess(request.Spec.Umask));
        if (landlock is not null && request.Spec.NoNewPrivileges)
        {
            plan.Add(new RestrictByLandlock(landlock));
        }

        bool waitsBehind = filter?.AllowsGate != false;
        if (waits && !waitsBehind)
        {
            plan.Add(s_ready);
        }

        if (filter is not null && !early)
        {
            plan.Add(filter);
        }

        if (waits && waitsBehind)
        {
            plan.Add(s_ready);
        }
    }
}
