using System.Diagnostics;
using Containers.Launch;
using Microsoft.Extensions.Logging;

namespace Containers;

// From a description to a container, or to a text about it.
public sealed partial class ContainerBuilder
{
    /// <summary>Starts the container: loads the image if it is not in the store yet, and returns when the command is executing.</summary>
    /// <exception cref="CommandNotFoundException">The command is not in the image.</exception>
    /// <exception cref="CommandNotExecutableException">The command cannot be executed.</exception>
    /// <exception cref="LaunchException">Another step failed.</exception>
    /// <exception cref="ContainerException">The image, the user or the host is not as it has to be. Nothing is left behind in any case.</exception>
    public Container Start() => Start(ResolvedRoot.Find(Spec));

    /// <inheritdoc cref="Start()"/>
    /// <param name="cancellationToken">Gives the start up; what was loaded of the image is kept.</param>
    public async Task<Container> StartAsync(CancellationToken cancellationToken = default)
        => await Task.Run(() => Start(ResolvedRoot.Find(Spec, cancellationToken)), cancellationToken).ConfigureAwait(false);

    /// <summary>Runs the command to its end and collects what it writes.</summary>
    /// <param name="input">What the command reads; null for nothing.</param>
    /// <param name="cancellationToken">Kills the command.</param>
    /// <inheritdoc cref="Start()" path="/exception"/>
    public async Task<ContainerResult> RunAsync(string? input = null, CancellationToken cancellationToken = default)
    {
        Container container = await StartAsync(cancellationToken).ConfigureAwait(false);
        await using (container.ConfigureAwait(false))
        {
            return await container.CollectAsync(input, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Tells what <see cref="Start()"/> would do. The image is loaded, since its layers are part of the answer.</summary>
    /// <param name="style">As shell commands, or as system calls.</param>
    public string Explain(ExplainStyle style = ExplainStyle.Shell)
    {
        string id = Spec.Id ?? ContainerLauncher.NewId();
        ContainerSpec spec = UserNamespaces.UserNamespaceChoice.Resolve(Spec);
        using ResolvedRoot root = ResolvedRoot.Find(Spec);
        LaunchRequest request = RequestBuilder.Build(spec, root, id, "/var/tmp/containers-" + id, (Stream(Spec.StandardInput, 0), Stream(Spec.StandardOutput, 1), Stream(Spec.StandardError, 2)), ContainerNet.Explained(spec, id), UserNamespaces.UserNamespaceChoice.MapsOf(spec), terminalSocket: spec.Terminal is null ? -1 : 4);
        using LaunchParts parts = LaunchParts.Of(Spec);
        parts.Foresee(request);
        UserNamespaces.PreparedMounts.Foresee(request);
        Storage.FuseOverlayRoot.ForeseeRoot(request);
        using LaunchPlan plan = LaunchPlan.Compile(request, hostPidFd: 3, KernelFeatures.Current);
        return style == ExplainStyle.Shell ? Explanation.Shell(plan, request) : Explanation.SystemCalls(plan, request);

        int Stream(StandardStream kind, int number) => kind == StandardStream.Null || spec.Terminal is not null ? -1 : number;
    }

    private Container Start(ResolvedRoot root)
    {
        using Activity? activity = Telemetry.Activities.StartActivity("start");
        Container container;
        try
        {
            container = ContainerLauncher.Start(Spec, root);
        }
        catch (Exception exception)
        {
            root.Dispose();
            Telemetry.Starts.Add(1, new KeyValuePair<string, object?>("outcome", "failed"));
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            throw;
        }

        Telemetry.Starts.Add(1, new KeyValuePair<string, object?>("outcome", "started"));
        Telemetry.StartDuration.Record(container.Timeline.Total.TotalSeconds);
        if (activity is { IsAllDataRequested: true })
        {
            Tell(activity, container);
        }

        if (Logger is { } logger)
        {
            LogStarted(logger, container.Id, container.Pid, container.Timeline.Total);
        }

        return container;
    }

    // Each part of the start is an event of the activity, at the moment it ended.
    private static void Tell(Activity activity, Container container)
    {
        activity.SetTag("containers.id", container.Id).SetTag("containers.pid", container.Pid);
        DateTimeOffset began = DateTimeOffset.UtcNow - container.Timeline.Total;
        foreach (LaunchTimelineEntry entry in container.Timeline.Entries)
        {
            activity.AddEvent(new ActivityEvent(entry.Name, began + entry.Start + entry.Duration));
        }
    }

    [LoggerMessage(1, LogLevel.Debug, "Container {Id} started as process {Pid} in {Elapsed}.")]
    private static partial void LogStarted(ILogger logger, string id, int pid, TimeSpan elapsed);
}

/// <summary>How a plan is told.</summary>
public enum ExplainStyle
{
    /// <summary>A script for bash, run as root, that builds the same container with unshare, mount and chroot.</summary>
    Shell,

    /// <summary>
    /// The system calls of the child, in their order, as strace would print them. Where a network namespace made beforehand is
    /// at hand, a start enters that one with setns instead of having clone3 make one and setting lo up.
    /// </summary>
    SystemCalls,
}
