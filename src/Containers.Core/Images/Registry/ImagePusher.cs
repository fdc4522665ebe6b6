using System.Net.Http.Headers;
using Containers.Images.Manifests;
using Containers.Images.Sources;

namespace Containers.Images.Registry;

/// <summary>A blob to be pushed: what it is, and where its bytes come from, each time they are asked for.</summary>
internal sealed record PushBlob(Descriptor Descriptor, Func<CancellationToken, Stream> Open);

/// <summary>An image to be pushed, wherever it is from, or images of several machines.</summary>
/// <param name="Documents">Go to the registry as they are: manifests, and indexes after what they list. The last one is what the name means.</param>
/// <param name="Small">Configs.</param>
/// <param name="Layers">Of a single image the lowest first.</param>
internal sealed record PushImage(IReadOnlyList<SourceDocument> Documents, IReadOnlyList<PushBlob> Small, IReadOnlyList<PushBlob> Layers)
{
    public static PushImage Of(SourceDocument manifest, byte[] config, IReadOnlyList<PushBlob> layers)
        => new([manifest], [new PushBlob(manifest.Blobs[0], _ => new MemoryStream(config))], layers);

    /// <summary>An image of a source that has a manifest: a layout, an archive of one, a directory of skopeo's.</summary>
    public static PushImage Of(ImageSource source, SourceImage image)
        => Of(image.Manifest!, image.Config, [.. image.Layers.Select((layer, i) => new PushBlob(layer, cancellation => source.OpenLayer(image, i, cancellation)))]);

    /// <summary>All images of a source, with what else an index lists: attestations, signatures.</summary>
    public static PushImage Of(BlobSource source, IReadOnlyList<SourceDocument> documents)
    {
        return new(documents, Blobs(document => document.Blobs.Take(1)), Blobs(document => document.Blobs.Skip(1)));

        List<PushBlob> Blobs(Func<SourceDocument, IEnumerable<Descriptor>> some)
            => [.. documents.SelectMany(some).DistinctBy(blob => blob.Digest).Select(blob => new PushBlob(blob.Check(source.Where, "a blob"), cancellation => source.Open(blob, cancellation)))];
    }
}

/// <summary>Sends an image to a registry: blobs first, the manifest last, so that it never names what is not there.</summary>
internal static class ImagePusher
{
    /// <summary>So many blobs are sent at once.</summary>
    private const int Parallelism = 3;

    /// <returns>The manifest's digest.</returns>
    public static async Task<string> PushAsync(RegistrySession session, ImageName target, PushImage image, PushOptions options, PullMonitor monitor, CancellationToken cancellation)
    {
        string digest = image.Documents[^1].Digest;
        if (target.Digest is { } wanted && wanted != digest)
        {
            throw new ImageException($"{target}: the manifest to be pushed has the digest {digest}, which is not that of the name.");
        }

        RegistryHost host = session.HostOf(target.Registry);
        BlobUpload upload = new(session, host, target.Repository, options, monitor);
        monitor.Begin([.. image.Layers.Select(layer => layer.Descriptor)]);
        // One first: it learns what authorization the registry wants, which the others then have.
        foreach (PushBlob blob in image.Small)
        {
            await upload.EnsureAsync(blob.Descriptor, blob.Open, cancellation).ConfigureAwait(false);
        }

        (PushBlob Layer, int Index)[] layers = [.. image.Layers.Select((layer, i) => (layer, i)).DistinctBy(one => one.layer.Descriptor.Digest)];
        await Parallel.ForEachAsync(layers, new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellation }, async (one, token) =>
        {
            await upload.EnsureAsync(one.Layer.Descriptor, one.Layer.Open, token).ConfigureAwait(false);
            monitor.Finished(one.Index);
        }).ConfigureAwait(false);
        foreach (SourceDocument document in image.Documents)
        {
            await PutAsync(session, host, target.Repository, document == image.Documents[^1] ? target.Tag ?? digest : document.Digest, document, cancellation).ConfigureAwait(false);
        }

        monitor.Complete();
        return digest;
    }

    private static async Task PutAsync(RegistrySession session, RegistryHost host, string repository, string selector, SourceDocument manifest, CancellationToken cancellation)
    {
        RegistryScope scope = new(repository, "pull,push");
        string what = $"the storing of the manifest {repository}:{selector}";
        HttpResponseMessage response = await session.SendAsync(host, $"/v2/{repository}/manifests/{selector}", scope, address =>
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
