using System.Diagnostics;
using System.Security.Cryptography;
using Containers.Native;
using Containers.Security.Credentials;
using Containers.State;
using Containers.Storage;
using Containers.UserNamespaces;

namespace Containers.Launch;

/// <summary>From a spec to a running container: fills in what the spec leaves open, plans, launches, and undoes all of it where something fails.</summary>
internal static class ContainerLauncher
{
    private static readonly Lazy<PidHandle> s_host = new(() => new PidHandle((int)Kernel.Check(Kernel.pidfd_open(Environment.ProcessId), "pidfd_open", "self")));

    /// <summary>For tests: sees each plan before it is launched.</summary>
    internal static AsyncLocal<Action<LaunchPlan>?> Intercept { get; } = new();

    /// <summary>For tests: an older kernel than this one.</summary>
    internal static AsyncLocal<KernelFeatures?> Features { get; } = new();

    public static Container Start(ContainerSpec spec, ResolvedRoot root)
    {
        long began = Stopwatch.GetTimestamp();
        CheckHost();
        spec = UserNamespaceChoice.Resolve(spec);
        CredentialChecks.Check(spec);
        FuseOverlayRoot? fuse = FuseOverlayRoot.Make(spec);
        string id = spec.Id ?? NewId();
        RunningContainers running = RunningContainers.In(root.Store);
        StreamPipes? pipes = null;
        ContainerNet? net = null;
        LaunchParts parts = LaunchParts.Of(spec);
        string state = spec.HasOverlay ? running.CreateForOverlay(id, root.LowerDirectories[0]) : running.CreateForBind(id);
        try
        {
            pipes = new StreamPipes(spec);
            ContainerUserNs? users = parts.Add(ContainerUserNs.Make(spec));
            parts.Add(fuse); // behind the users: it runs as their root, in directories that are given to that
            net = ContainerNet.Make(spec, id, users);
            long networked = spec.Networks.Length > 0 ? Stopwatch.GetTimestamp() : began;
            using LowDescriptors low = LowDescriptors.Take();
            LaunchRequest request = RequestBuilder.Build(spec, root, id, state, pipes.Place(low), net.Launch, users?.Maps, users?.Deputy, pipes.PlaceSocket(low));
            parts.Prepare(request);
            using LaunchPlan plan = LaunchPlan.Compile(request, s_host.Value.Descriptor, Features.Value ?? KernelFeatures.Current);
            Intercept.Value?.Invoke(plan);
            long planned = Stopwatch.GetTimestamp();
            LaunchedChild child = Launcher.Launch(plan.Program, plan.CloneFlags, id, request.Cgroup, request.Vfork, request.Deputy);
            bool executed = Release(child, plan, request, parts);
            long ended = Stopwatch.GetTimestamp();
            pipes.CloseChildEnds();
            low.Clear();
            net.Entered();
            if (!executed)
            {
                LaunchException failure = plan.Failure();
                End(child.Handle);
                throw failure;
            }

            try
            {
                pipes.TakeTerminal();
                LaunchTimeline timeline = new(plan, began, networked, planned, ended);
                return new Container(id, child.Pid, child.Handle, pipes, timeline, running, request, parts, net.Networking, root);
            }
            catch
            {
                End(child.Handle, kill: true);
                throw;
            }
        }
        catch
        {
            pipes?.Dispose();
            net?.Dispose();
            parts.Dispose();
            running.Remove(id, mounted: !spec.Private(ContainerNamespaces.Mount));
            throw;
        }
    }

    /// <summary>A pidfd of this process, for what is to die with it.</summary>
    public static int HostPidFd => s_host.Value.Descriptor;

    public static string NewId() => RandomNumberGenerator.GetHexString(12, lowercase: true);

    // Past its gates, and until it executes. A host that cannot do its part ends the child.
    private static bool Release(LaunchedChild child, LaunchPlan plan, LaunchRequest request, LaunchParts parts)
    {
        try
        {
            parts.PassGates(request, child, only: plan.Inside is null ? null : LaunchGate.Born);
            return child.WaitForExec() && (plan.Inside is null || ReleaseInside(child, plan.Inside, request, parts));
        }
        catch
        {
            child.Handle.Signal(Kernel.SIGKILL);
            child.WaitForExec();
            End(child.Handle);
            throw;
        }
    }

    // The child is the container's init by now, with a program of its own. One that is killed tells nothing any more.
    private static bool ReleaseInside(LaunchedChild child, LaunchPlan inside, LaunchRequest request, LaunchParts parts)
    {
        using EndWatch watch = new(child.Handle, inside.Program.Abandon);
        LaunchedChild init = new(inside.Program, child.Pid, child.Handle);
        parts.PassGates(request, init, only: LaunchGate.Ready);
        return init.WaitForExec() && (inside.Program.HasSpawned ? true : throw new ContainerException($"The init of the container \"{request.Id}\" ended before it could start the command."));
    }

    /// <summary>Waits for a child's end, takes its status, which the kernel keeps until someone looks, and lets it go.</summary>
    /// <param name="child">The child.</param>
    /// <param name="kill">Whether it is to end now.</param>
    public static (int Code, bool Signaled) End(PidHandle child, bool kill = false)
    {
        using (child)
        {
            if (kill)
            {
                child.Signal(Kernel.SIGKILL);
            }

            return Reap(child);
        }
    }

    /// <summary>Waits for a child's end and takes its status.</summary>
    public static (int Code, bool Signaled) Reap(PidHandle child)
    {
        child.WaitForExit();
        child.TryReap(out int code, out bool signaled);
        return (code, signaled);
    }

    private static void CheckHost()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Containers are made of Linux namespaces: this library runs on Linux only.");
        }
    }
}
