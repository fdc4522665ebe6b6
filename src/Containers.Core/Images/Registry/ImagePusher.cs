using System.Net.Http.Headers;
using Containers.Images.Manifests;
using Containers.Images.Sources;

namespace Containers.Images.Registry;

/// <summary>A layer to be pushed: what it is, and where its bytes come from, each time they are asked for.</summary>
internal sealed record PushLayer(Descriptor Descriptor, Func<CancellationToken, Stream> Open);

/// <summary>An image to be pushed, wherever it is from.</summary>
/// <param name="Manifest">Goes to the registry as it is.</param>
/// <param name="Config">The config's bytes.</param>
/// <param name="Layers">Lowest first.</param>
internal sealed record PushImage(SourceManifest Manifest, byte[] Config, IReadOnlyList<PushLayer> Layers)
{
    /// <summary>An image of a source that has a manifest: a layout, an archive of one, a directory of skopeo's, a registry.</summary>
    /// <exception cref="ImageException">The source has none.</exception>
    public static PushImage Of(ImageSource source, SourceImage image) => image.Manifest is null
        ? throw new ImageException($"{source.Where}: a docker archive has no manifest that a registry would take.", "Load it into the store and push the name, or convert it to an OCI archive.")
        : new PushImage(image.Manifest, image.Config, [.. image.Layers.Select((layer, i) => new PushLayer(layer, cancellation => source.OpenLayer(image, i, cancellation)))]);
}

/// <summary>Sends an image to a registry: blobs first, the manifest last, so that it never names what is not there.</summary>
internal static class ImagePusher
{
    /// <summary>So many blobs are sent at once.</summary>
    private const int Parallelism = 3;

    /// <returns>The manifest's digest.</returns>
    public static async Task<string> PushAsync(RegistrySession session, ImageName target, PushImage image, PushOptions options, PullMonitor monitor, CancellationToken cancellation)
    {
        if (target.Digest is { } wanted && wanted != image.Manifest.Digest)
        {
            throw new ImageException($"{target}: the manifest to be pushed has the digest {image.Manifest.Digest}, which is not that of the name.");
        }

        RegistryHost host = session.HostOf(target.Registry);
        BlobUpload upload = new(session, host, target.Repository, options, monitor);
        monitor.Begin([.. image.Layers.Select(layer => layer.Descriptor)]);
        // One first: it learns what authorization the registry wants, which the others then have.
        await upload.EnsureAsync(image.Manifest.Config, _ => new MemoryStream(image.Config), cancellation).ConfigureAwait(false);
        (PushLayer Layer, int Index)[] layers = [.. image.Layers.Select((layer, i) => (layer, i)).DistinctBy(one => one.layer.Descriptor.Digest)];
        await Parallel.ForEachAsync(layers, new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellation }, async (one, token) =>
        {
            await upload.EnsureAsync(one.Layer.Descriptor, one.Layer.Open, token).ConfigureAwait(false);
            monitor.Finished(one.Index);
        }).ConfigureAwait(false);
        await PutManifestAsync(session, host, target, image.Manifest, cancellation).ConfigureAwait(false);
        monitor.Complete();
        return image.Manifest.Digest;
    }

    private static async Task PutManifestAsync(RegistrySession session, RegistryHost host, ImageName target, SourceManifest manifest, CancellationToken cancellation)
    {
        RegistryScope scope = new(target.Repository, "pull,push");
        string selector = target.Tag ?? manifest.Digest;
        string what = $"the storing of the manifest {target.Repository}:{selector}";
        HttpResponseMessage response = await session.SendAsync(host, $"/v2/{target.Repository}/manifests/{selector}", scope, address =>
        {
            HttpRequestMessage request = new(HttpMethod.Put, address) { Content = new ByteArrayContent(manifest.Content) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(manifest.MediaType);
            return request;
        }, what, cancellation).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            throw await session.RefusalAsync(host, scope, response, what, cancellation).ConfigureAwait(false);
        }

        using HttpResponseMessage answer = response;
        if (answer.Headers.TryGetValues("Docker-Content-Digest", out IEnumerable<string>? values) && values.FirstOrDefault() is { } stored && stored != manifest.Digest)
        {
            throw new RegistryException($"{host.Authority}: the registry stored the manifest with the digest {stored}, and {manifest.Digest} was sent.") { Registry = host.Authority };
        }
    }
}
