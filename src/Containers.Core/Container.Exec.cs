using Containers.Launch;
using Containers.Native;

namespace Containers;

// Further processes.
public sealed partial class Container
{
    private readonly HashSet<ContainerExec> _execs = [];

    /// <summary>Starts a further process in the container, on this thread, and returns when it is executing: some milliseconds.</summary>
    /// <param name="command">The program and its arguments. The image's entrypoint is not put before them.</param>
    /// <inheritdoc cref="ExecAsync(IEnumerable{string}, ExecOptions?, CancellationToken)" path="/exception"/>
    public ContainerExec Exec(params string[] command) => Exec(command, null, CancellationToken.None);

    /// <summary>Starts a further process in the container, on this thread, and returns when it is executing: some milliseconds.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="options">User, directory, environment and streams.</param>
    /// <param name="cancellationToken">Gives it up while it is being started.</param>
    /// <inheritdoc cref="ExecAsync(IEnumerable{string}, ExecOptions?, CancellationToken)" path="/exception"/>
    public ContainerExec Exec(IEnumerable<string> command, ExecOptions? options = null, CancellationToken cancellationToken = default)
        => StartExec([.. command], options ?? new ExecOptions(), cancellationToken);

    /// <summary>Starts a further process in the container, under the same policy as the first one, and returns when it is executing.</summary>
    /// <param name="command">The program and its arguments. The image's entrypoint is not put before them.</param>
    /// <inheritdoc cref="ExecAsync(IEnumerable{string}, ExecOptions?, CancellationToken)" path="/exception"/>
    public Task<ContainerExec> ExecAsync(params string[] command) => ExecAsync(command, null, CancellationToken.None);

    /// <summary>
    /// Starts a further process in the container, and returns when it is executing. It has the container's namespaces, cgroup, root, capabilities, filter of system
    /// calls and limits. Linux 5.8 (setns(2) with a pidfd). Any number may run at once.
    /// </summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="options">User, directory, environment and streams.</param>
    /// <param name="cancellationToken">Gives it up while it is being started.</param>
    /// <exception cref="CommandNotFoundException">The command is not in the container.</exception>
    /// <exception cref="CommandNotExecutableException">The command cannot be executed.</exception>
    /// <exception cref="LaunchException">Another step failed.</exception>
    /// <exception cref="ContainerException">The container has ended, or is paused.</exception>
    public async Task<ContainerExec> ExecAsync(IEnumerable<string> command, ExecOptions? options = null, CancellationToken cancellationToken = default)
    {
        string[] arguments = [.. command];
        return await Task.Run(() => StartExec(arguments, options ?? new ExecOptions(), cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs a further process to its end and collects what it writes.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <inheritdoc cref="ExecAsync(IEnumerable{string}, ExecOptions?, CancellationToken)" path="/exception"/>
    public Task<ContainerResult> RunAsync(params string[] command) => RunAsync(command, null, null, CancellationToken.None);

    /// <summary>Runs a further process to its end and collects what it writes.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="options">User, directory, environment and streams.</param>
    /// <param name="input">What it reads; null for nothing.</param>
    /// <param name="cancellationToken">Kills it.</param>
    /// <inheritdoc cref="ExecAsync(IEnumerable{string}, ExecOptions?, CancellationToken)" path="/exception"/>
    public async Task<ContainerResult> RunAsync(IEnumerable<string> command, ExecOptions? options = null, string? input = null, CancellationToken cancellationToken = default)
    {
        ContainerExec exec = await ExecAsync(command, options, cancellationToken).ConfigureAwait(false);
        await using (exec.ConfigureAwait(false))
        {
            return await exec.CollectAsync(input, cancellationToken).ConfigureAwait(false);
        }
    }

    private ContainerExec StartExec(string[] command, ExecOptions options, CancellationToken cancellation)
    {
        if (command.Length == 0)
        {
            throw new ArgumentException("A command has at least a program.", nameof(command));
        }

        if (options.WorkingDirectory is { } directory && !directory.StartsWith('/'))
        {
            throw new ArgumentException($"\"{directory}\" is a path inside a container and has to begin with '/'.", nameof(options));
        }

        StreamPipes pipes = new(options.StandardInput, options.StandardOutput, options.StandardError, options.Terminal);
        try
        {
            using LowDescriptors low = LowDescriptors.Take();
            LaunchRequest request = RequestBuilder.ForExec(_request, _root, command, options, pipes.PlaceOrNull(low), pipes.PlaceSocket(low));
            using PathHandle? root = request.Spec.Private(ContainerNamespaces.Mount) ? null : OpenRoot();
            using PathHandle? proc = request.Spec is { AppArmorProfile: null, SelinuxLabel: null } ? null : PathHandle.Open("/proc", Kernel.O_PATH | Kernel.O_DIRECTORY | Kernel.O_CLOEXEC);
            (PidHandle handle, int pid, JoinerEnd joiner) = WhileRunning(() => ContainerJoiner.Join(request, new JoinTarget(_process.Handle.Descriptor, root?.Descriptor ?? -1, Planner.NamespacesToJoin(request), proc?.Descriptor ?? -1), _joinMemory, _parts, cancellation));
            pipes.CloseChildEnds();
            try
            {
                pipes.TakeTerminal();
            }
            catch
            {
                ContainerLauncher.End(handle, kill: true);
                joiner.Wait();
                throw;
            }

            ContainerExec exec = new(pid, handle, joiner, pipes, Forget);
            lock (_execs)
            {
                _execs.Add(exec);
            }

            return exec;
        }
        catch
        {
            pipes.Dispose();
            throw;
        }
    }

    // Whatever went wrong with a container that has ended, that was it.
    private T WhileRunning<T>(Func<T> action)
    {
        try
        {
            return Exit is null && _disposed == 0 ? action() : throw Ended();
        }
        catch (LaunchException) when (Exit is not null)
        {
            throw Ended();
        }

        ContainerException Ended() => new($"Nothing can be executed in the container \"{Id}\": it has ended{(Exit is { } exit ? $" ({exit})" : "")}.");
    }

    private PathHandle OpenRoot() => PathHandle.Open(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/proc/{Pid}/root"), Kernel.O_PATH | Kernel.O_DIRECTORY);

    private void Forget(ContainerExec exec)
    {
        lock (_execs)
        {
            _execs.Remove(exec);
        }
    }

    // They ended with the container's PID namespace; where it has none of its own, they end here.
    private void EndExecs()
    {
        ContainerExec[] execs;
        lock (_execs)
        {
            execs = [.. _execs];
        }

        foreach (ContainerExec exec in execs)
        {
            exec.Dispose();
        }
    }
}
