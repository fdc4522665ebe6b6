using System.Diagnostics;
using Containers.Images;
using Containers.Images.Manifests;
using Containers.Images.Registry;
using Containers.Images.Sources;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Containers.Storage;

// From a name to an image: the store's own, or the registry's.
internal sealed partial class ImageLoader
{
    /// <summary>Finds an image by its name or fetches it, as the policy says.</summary>
    /// <param name="text">The name as it was given.</param>
    /// <param name="name">The name.</param>
    /// <param name="options">When and how.</param>
    /// <param name="registries">How registries are reached.</param>
    /// <param name="cancellation">Ends it; layers that are complete stay, and of the others what has come.</param>
    public async Task<Image> PullAsync(string text, ImageName name, PullOptions options, RegistryOptions registries, CancellationToken cancellation)
    {
        ImagePlatform? platform = options.Platform is null ? null : ImagePlatform.Parse(options.Platform);
        string shown = text.StartsWith("docker://", StringComparison.Ordinal) ? text["docker://".Length..] : text;
        if (options.Policy != PullPolicy.Always && FindNamed(shown, platform) is { } there)
        {
            return there;
        }

        if (options.Policy == PullPolicy.Never)
        {
            throw new ImageException($"The image {name} is not in the store {layout.Root}.", $"It is not pulled either, by the policy {nameof(PullPolicy)}.{nameof(PullPolicy.Never)}.");
        }

        ILogger logger = options.Logger ?? NullLogger.Instance;
        using Activity? activity = Telemetry.Activities.StartActivity("pull");
        activity?.SetTag("containers.image", name.ToString());
        long start = Stopwatch.GetTimestamp();
        PullMonitor monitor = new(name.ToString(), options.Progress);
        try
        {
            Image image = await FetchAsync(shown, name, platform, options, registries, monitor, logger, cancellation).ConfigureAwait(false);
            Count("pulled");
            LogPulled(logger, name.ToString(), image.Id, monitor.Received, monitor.ResumedBytes, Stopwatch.GetElapsedTime(start));
            return image;
        }
        catch (Exception exception)
        {
            Count(exception is OperationCanceledException ? "cancelled" : "failed");
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            throw;
        }

        void Count(string outcome)
        {
            TagList tags = new() { { "registry", name.Registry }, { "outcome", outcome } };
            Telemetry.Pulls.Add(1, tags);
            Telemetry.PullDuration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, tags);
            Telemetry.PulledBytes.Add(monitor.Received, new KeyValuePair<string, object?>("registry", name.Registry));
            Telemetry.ResumedBytes.Add(monitor.ResumedBytes, new KeyValuePair<string, object?>("registry", name.Registry));
            activity?.SetTag("containers.pull.bytes", monitor.Received);
        }
    }

    private async Task<Image> FetchAsync(string shown, ImageName name, ImagePlatform? platform, PullOptions options, RegistryOptions registries, PullMonitor monitor, ILogger logger, CancellationToken cancellation)
    {
        layout.Open();
        PartialBlob.Sweep(layout, PartialBlob.MaximumAge);
        using RegistrySession session = new(registries, logger);
        using RegistrySource source = new(session, name, layout, Catalog.Blobs.TryRead, monitor);
        SourceImage found = await source.ResolveAsync(platform ?? ImagePlatform.Host, cancellation).ConfigureAwait(false);
        monitor.Begin(found.Layers);
        // Unpacking waits for the network and the disk on threads of its own, and one more waits for them.
        Image image = await Task.Factory.StartNew(
            () => Publish(source, found with { Name = shown }, [name.ToString()], cancellation, platform, options.MaximumParallelLayers, monitor.Finished),
            cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        foreach (Descriptor layer in found.Layers)
        {
            PartialBlob.Remove(layout, layer.Digest!); // of a layer that came by another way meanwhile
        }

        monitor.Complete();
        return image;
    }

    private Image? FindNamed(string shown, ImagePlatform? platform)
        => Catalog.Find(shown) is { } image && (platform is null || (image.Config.Architecture == platform.Architecture && image.Config.Os == platform.Os)) ? image : null;

    [LoggerMessage(24, LogLevel.Information, "Pulled {Image} as {Id}: {Received} bytes came, {Resumed} were there, in {Elapsed}.")]
    private static partial void LogPulled(ILogger logger, string image, string id, long received, long resumed, TimeSpan elapsed);
}
