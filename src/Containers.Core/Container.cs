using System.IO.Pipelines;
using Containers.Launch;
using Containers.Native;
using Containers.Networking;
using Containers.State;

namespace Containers;

/// <summary>
/// A container that was started. Dispose it, in either way: that ends what still runs, and removes its changes, mounts and
/// descriptors. It dies with its host process, too.
/// </summary>
public sealed partial class Container : CommandStreams, IDisposable, IAsyncDisposable
{
    private readonly ContainerProcess _process;
    private readonly ResolvedRoot _root;
    private readonly RunningContainers _running;
    private readonly LaunchRequest _request;
    // While we hold it, the kernel need not take the mounts down inside the command's exit, where everyone who waits for
    // the end would wait for a grace period of RCU, too. It does so when this is closed.
    private readonly NamespaceHandle? _mounts;
    private readonly ContainerNetworking? _networking;
    private readonly LaunchParts _parts;
    private readonly JoinMemory _joinMemory;
    private int _disposed;

    internal Container(string id, int pid, PidHandle handle, StreamPipes pipes, LaunchTimeline timeline, RunningContainers running, LaunchRequest request, LaunchParts parts, ContainerNetworking? networking, ResolvedRoot root)
        : base(pipes)
    {
        Id = id;
        Pid = pid;
        Image = root.Image;
        Timeline = timeline;
        _mounts = request.Spec.Private(ContainerNamespaces.Mount) ? NamespaceHandle.TryOpenMounts(handle, pid) : null;
        _process = new ContainerProcess(handle, pid, parts.Explain);
        _root = root;
        _running = running;
        _request = request;
        _networking = networking;
        _parts = parts;
        _joinMemory = JoinMemory.For(request);
        Network = new ContainerNetwork(this, networking);
        if (networking is not null)
        {
            // Ports and names end with the command, and not when someone gets around to dispose of it.
            _process.WaitAsync(CancellationToken.None).ContinueWith(_ => networking.Release(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }

        parts.Started(this);
    }

    /// <summary>Describes a container of an image.</summary>
    /// <param name="reference">
    /// <c>docker-archive:PATH</c>, <c>docker-archive:PATH:name:tag</c>, <c>rootfs:PATH</c> (a directory, or a tar: plain, gzip,
    /// zstd, xz), or a path that is recognised. It is loaded when the container starts.
    /// </param>
    public static ContainerBuilder FromImage(string reference)
    {
        ArgumentException.ThrowIfNullOrEmpty(reference);
        return new ContainerBuilder(new RootSource.Reference(reference));
    }

    /// <summary>Describes a container of an image that is loaded.</summary>
    /// <param name="image">The image.</param>
    public static ContainerBuilder FromImage(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return new ContainerBuilder(new RootSource.Loaded(image));
    }

    /// <summary>Describes a container whose root is a directory of the host; with an overlay over it, unless <see cref="ContainerBuilder.WithBindRoot"/> says otherwise.</summary>
    /// <param name="directory">The directory.</param>
    public static ContainerBuilder FromRootfs(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        return new ContainerBuilder(new RootSource.Directory(Path.GetFullPath(directory)));
    }

    /// <summary>The container's id.</summary>
    public string Id { get; }

    /// <summary>The command's process id, as the host sees it. It may belong to another process once the container has ended.</summary>
    public int Pid { get; }

    /// <summary>The image; null for a root directory.</summary>
    public Image? Image { get; }

    /// <summary>What each step of the start cost.</summary>
    public LaunchTimeline Timeline { get; }

    /// <summary>Its links to networks: addresses, counters, conditions.</summary>
    public ContainerNetwork Network { get; }

    /// <summary>Ports of the host that lead to it, with the numbers that were found where 0 was asked for. They do as long as the command lives.</summary>
    public IReadOnlyList<PortPublication> Ports => Network.Ports;

    /// <summary>How the command ended; null while it runs.</summary>
    public ContainerExit? Exit => _process.Exit;

    /// <summary>Waits for the command's end, on this thread.</summary>
    public ContainerExit Wait() => _process.Wait();

    /// <inheritdoc/>
    public override Task<ContainerExit> WaitAsync(CancellationToken cancellationToken = default) => _process.WaitAsync(cancellationToken);

    /// <summary>Kills the command, and with it all processes of its PID namespace; of a container with a cgroup, all that are in it, wherever they are.</summary>
    /// <returns>False when it has ended.</returns>
    public bool Kill() => Kill(ExitReason.Killed);

    /// <summary>Kills it for a reason, which is told if it was this that ended it.</summary>
    internal bool Kill(ExitReason reason)
    {
        bool running = _process.Kill(reason); // first, so that the reason is known before the end
        _parts.Kill();
        return running;
    }

    /// <summary>Sends a signal to the command.</summary>
    /// <param name="signal">Its number. In a PID namespace of its own the command is process 1, which gets only signals that it handles, and SIGKILL.</param>
    /// <returns>False when it has ended.</returns>
    public bool Kill(int signal) => _process.Signal(signal);

    /// <summary>Sends a signal to the command.</summary>
    /// <param name="signal">Its name, such as SIGTERM.</param>
    /// <returns>False when it has ended.</returns>
    public bool Kill(string signal) => _process.Signal(Signals.Parse(signal));

    /// <summary>Asks the command to end with the stop signal, and kills it when it has not within the time.</summary>
    /// <param name="grace">How long to wait.</param>
    /// <param name="cancellationToken">Ends the waiting; the command is not killed then.</param>
    public async Task<ContainerExit> StopAsync(TimeSpan grace, CancellationToken cancellationToken = default)
    {
        Kill(_request.StopSignal);
        try
        {
            return await _process.WaitAsync(cancellationToken).WaitAsync(grace, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            Kill();
            return await _process.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Kills what still runs, waits for its end, and removes what the container had on this host.</summary>
    /// <exception cref="KernelException">Something of it could not be removed; the next host process that uses the store tries again.</exception>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Kill();
            _process.Wait();
            EndExecs();
            Release();
        }
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Kill();
            await _process.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            await Task.Run(EndExecs).ConfigureAwait(false);
            await Task.Run(Release).ConfigureAwait(false); // its changes may be many files
        }
    }

    /// <summary>The network namespace of the command, and what its files say of it: for another container to share.</summary>
    internal (NamespaceHandle Namespace, LaunchNetwork Network) ShareNetwork()
        => Exit is null && NamespaceHandle.TryOpenNetwork(_process.Handle, Pid) is { } network
            ? (network, _request.Network)
            : throw new NetworkException($"The network of the container \"{Id}\" cannot be shared: it has ended.");

    private void Release()
    {
        try
        {
            _networking?.Dispose();
        }
        finally
        {
            ReleaseRest();
        }
    }

    private void ReleaseRest()
    {
        DisposeStreams();
        _process.Dispose();
        _mounts?.Dispose();
        _joinMemory.Dispose();
        StopWatching();
        try
        {
            _parts.Dispose();
        }
        finally
        {
            RemoveDirectory();
        }
    }

    private void RemoveDirectory()
    {
        try
        {
            _running.Remove(Id, mounted: !_request.Spec.Private(ContainerNamespaces.Mount));
        }
        finally
        {
            _root.Dispose();
        }
    }
}
