using Containers.Images;
using Containers.Images.Manifests;
using Containers.Images.Registry;
using Containers.Images.Saving;
using Containers.Images.Sources;
using Containers.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Containers;

// Images that come from registries, and go to them.
public sealed partial class ImageStore
{
    /// <summary>How registries are reached.</summary>
    public RegistryOptions Registries { get; init; } = RegistryOptions.Default;

    /// <summary>
    /// Fetches an image: of its layers those that the store does not have, which are verified and unpacked while they come. What
    /// was broken off, also by the end of the process, goes on where it stopped.
    /// </summary>
    /// <param name="reference">A name, such as <c>debian:12</c>, <c>localhost:5000/app:1</c> or <c>app@sha256:…</c>; or what <see cref="Load"/> takes, which is loaded.</param>
    /// <param name="options">When and how; null for the usual.</param>
    /// <param name="cancellationToken">Ends it with an <see cref="OperationCanceledException"/>; what is complete by then stays, and what has come of the rest is kept for the next pull.</param>
    /// <exception cref="RegistryException">The registry does not have it, cannot be reached, or refuses.</exception>
    /// <exception cref="ImageException">What came is not what it should be, or meant for another machine. Nothing of it can be seen in the store.</exception>
    /// <exception cref="KernelException">The store cannot be written, or its file system is full.</exception>
    public async Task<Image> PullAsync(string reference, PullOptions? options = null, CancellationToken cancellationToken = default)
        => ImageReference.Parse(reference).Name is { } name
            ? await _loader.PullAsync(reference, name, options ?? new PullOptions(), Registries, cancellationToken).ConfigureAwait(false)
            : await LoadAsync(reference, cancellationToken).ConfigureAwait(false);

    /// <summary>Sends an image to a registry. What is there is not sent again; the manifest goes last.</summary>
    /// <param name="source">A name or id of the store, or an image of a layout or archive: <c>oci:PATH[:TAG]</c>, <c>oci-archive:PATH[:TAG]</c>, <c>dir:PATH</c>, or a path whose content decides. A docker archive, which has no manifest, is loaded into the store first.</param>
    /// <param name="destination">The name that it gets, such as <c>localhost:5000/app:1</c>.</param>
    /// <param name="options">How; null for the usual.</param>
    /// <param name="cancellationToken">Ends it; blobs that are there by then stay.</param>
    /// <returns>The digest of the manifest: REPOSITORY@DIGEST names the image from now on.</returns>
    /// <exception cref="RegistryException">The registry cannot be reached, or refuses.</exception>
    /// <exception cref="ImageException">The image is not there, or damaged.</exception>
    public async Task<string> PushAsync(string source, string destination, PushOptions? options = null, CancellationToken cancellationToken = default)
    {
        ImageName target = ImageName.Parse(destination);
        options ??= new PushOptions();
        ImagePlatform platform = options.Platform is null ? ImagePlatform.Host : ImagePlatform.Parse(options.Platform);
        PullMonitor monitor = new(target.ToString(), options.Progress);
        using System.Diagnostics.Activity? activity = Telemetry.Activities.StartActivity("push");
        activity?.SetTag("containers.image", target.ToString());
        using RegistrySession session = new(Registries, options.Logger ?? NullLogger.Instance);
        Image? stored = Get(source);
        if (stored is not null && options.AllPlatforms)
        {
            throw new ImageException($"\"{source}\" is an image of the store, which has one machine's image by each name.", "Images of all machines are pushed from a layout or an archive: oci:PATH.");
        }

        string digest = stored is not null ? await PushStoredAsync(stored).ConfigureAwait(false) : await PushSourceAsync().ConfigureAwait(false);
        Telemetry.PushedBytes.Add(monitor.Received, new KeyValuePair<string, object?>("registry", target.Registry));
        return digest;

        async Task<string> PushStoredAsync(Image image)
        {
            using PreparedImage prepared = await Task.Run(() => PreparedImage.Make(image, options.Compression, cancellationToken), cancellationToken).ConfigureAwait(false);
            return await ImagePusher.PushAsync(session, target, prepared.ToPush(), options, monitor, cancellationToken).ConfigureAwait(false);
        }

        async Task<string> PushSourceAsync()
        {
            using ImageSource opened = await Task.Run(() => SourceKinds.Open(ImageReference.Parse(source), _loader.Layout, cancellationToken), cancellationToken).ConfigureAwait(false);
            if (opened is not BlobSource blobs)
            {
                return await PushStoredAsync(await LoadAsync(source, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
            }

            PushImage image = options.AllPlatforms
                ? PushImage.Of(blobs, await blobs.ResolveAllAsync(cancellationToken).ConfigureAwait(false))
                : PushImage.Of(opened, await opened.ResolveAsync(platform, cancellationToken).ConfigureAwait(false));
            try
            {
                return await ImagePusher.PushAsync(session, target, image, options, monitor, cancellationToken).ConfigureAwait(false);
            }
            catch (BlobDamagedException exception)
            {
                throw exception.Explain(opened.Where);
            }
        }
    }
}
