using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Containers.Images.Manifests;

namespace Containers.Images.Registry;

/// <summary>A repository of a registry, or what a mirror has of it: reading.</summary>
/// <param name="session">Sends the requests.</param>
/// <param name="host">The registry or mirror.</param>
/// <param name="repository">The path there.</param>
internal sealed class RegistryRepository(RegistrySession session, RegistryHost host, string repository)
{
    private readonly RegistryScope _pull = new(repository, "pull");

    public RegistryHost Host => host;

    public RegistrySession Session => session;

    public string Path => repository;

    /// <summary>Where a name can be had: the mirrors of its registry, and then the registry.</summary>
    public static IReadOnlyList<RegistryRepository> PlacesOf(RegistrySession session, ImageName name)
    {
        List<RegistryRepository> places = [];
        foreach (string mirror in session.Options.Mirrors.GetValueOrDefault(name.Registry) ?? [])
        {
            int slash = mirror.IndexOf('/', StringComparison.Ordinal);
            string prefix = slash < 0 ? "" : mirror[(slash + 1)..].TrimEnd('/');
            places.Add(new RegistryRepository(session, session.HostOf(slash < 0 ? mirror : mirror[..slash]), prefix.Length == 0 ? name.Repository : $"{prefix}/{name.Repository}"));
        }

        places.Add(Of(session, name));
        return places;
    }

    /// <summary>The repository of a name in its own registry.</summary>
    public static RegistryRepository Of(RegistrySession session, ImageName name) => new(session, session.HostOf(name.Registry), name.Repository);

    /// <summary>Fetches a manifest.</summary>
    /// <param name="selector">A tag or a digest; by a digest it is verified.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="RegistryException">It is not there, or refused.</exception>
    /// <exception cref="ImageException">It is another than was asked for, or too large.</exception>
    public async Task<(byte[] Content, string? MediaType)> GetManifestAsync(string selector, CancellationToken cancellation)
    {
        string what = $"the manifest {repository}{(Digest.IsValid(selector) ? "@" : ":")}{selector}";
        using HttpResponseMessage response = await ReadAsync(HttpMethod.Get, $"/v2/{repository}/manifests/{selector}", what, cancellation).ConfigureAwait(false);
        byte[] content;
        try
        {
            content = await BoundedContent.ReadAsync(response, ManifestDocument.MaximumLength, cancellation).ConfigureAwait(false);
        }
        catch (InvalidDataException exception)
        {
            throw new ImageException($"{host.Authority}: {what}: {exception.Message}", innerException: exception);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException)
        {
            throw RegistryErrors.Unreachable(host.Authority, what, exception);
        }

        string digest = Digest.Of(content);
        string? expected = Digest.IsValid(selector) ? selector
            : response.Headers.TryGetValues("Docker-Content-Digest", out IEnumerable<string>? values) && values.FirstOrDefault() is { } said && Digest.IsValid(said) ? said : null;
        return expected is null || digest == expected
            ? (content, response.Content.Headers.ContentType?.MediaType)
            : throw new ImageException($"{host.Authority}: {what} has the digest {digest}, and {expected} was to come.", "It was changed on its way, or the registry's copy is damaged.");
    }

    /// <summary>The digest that a tag has now.</summary>
    public async Task<string> GetDigestAsync(string selector, CancellationToken cancellation)
    {
        string what = $"the manifest {repository}:{selector}";
        using HttpResponseMessage response = await ReadAsync(HttpMethod.Head, $"/v2/{repository}/manifests/{selector}", what, cancellation).ConfigureAwait(false);
        return response.Headers.TryGetValues("Docker-Content-Digest", out IEnumerable<string>? values) && values.FirstOrDefault() is { } digest && Digest.IsValid(digest)
            ? digest
            : Digest.Of((await GetManifestAsync(selector, cancellation).ConfigureAwait(false)).Content); // the header is only recommended
    }

    /// <summary>Asks for a blob, or what is left of it.</summary>
    /// <param name="digest">Which.</param>
    /// <param name="offset">How much is there already.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The answer, whose status tells whether it begins at the offset (206) or at the first byte.</returns>
    public async Task<HttpResponseMessage> GetBlobAsync(string digest, long offset, CancellationToken cancellation)
    {
        string what = $"the blob {digest} of {repository}";
        HttpResponseMessage response = await session.SendAsync(host, $"/v2/{repository}/blobs/{digest}", _pull, address =>
        {
            HttpRequestMessage request = new(HttpMethod.Get, address);
            request.Headers.Range = offset > 0 ? new RangeHeaderValue(offset, null) : null;
            return request;
        }, what, cancellation).ConfigureAwait(false);
        return response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent
            ? response
            : throw await session.RefusalAsync(host, _pull, response, what, cancellation).ConfigureAwait(false);
    }

    /// <summary>The repository's tags, page by page.</summary>
    public async IAsyncEnumerable<string> ListTagsAsync(int pageSize, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        string what = $"the tags of {repository}";
        string? next = string.Create(CultureInfo.InvariantCulture, $"/v2/{repository}/tags/list?n={pageSize}");
        HashSet<string> seen = [];
        while (next is not null && seen.Add(next)) // a page that leads to itself would have no end
        {
            using HttpResponseMessage response = await ReadAsync(HttpMethod.Get, next, what, cancellation).ConfigureAwait(false);
            TagsDocument? page;
            try
            {
                page = System.Text.Json.JsonSerializer.Deserialize(await BoundedContent.ReadAsync(response, ManifestDocument.MaximumLength, cancellation).ConfigureAwait(false), RegistryJson.Default.TagsDocument);
            }
            catch (Exception exception) when (exception is System.Text.Json.JsonException or InvalidDataException)
            {
                throw new RegistryException($"{host.Authority}: asked for {what}, the registry gave no list: {exception.Message}", null, exception) { Registry = host.Authority };
            }

            foreach (string tag in page?.Tags ?? [])
            {
                yield return tag;
            }

            next = NextPage(response);
        }
    }

    /// <summary>Deletes a manifest.</summary>
    public async Task DeleteAsync(string digest, CancellationToken cancellation)
    {
        RegistryScope scope = new(repository, "delete");
        string what = $"the deletion of {repository}@{digest}";
        HttpResponseMessage response = await session.SendAsync(host, $"/v2/{repository}/manifests/{digest}", scope, address => new HttpRequestMessage(HttpMethod.Delete, address), what, cancellation).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            throw await session.RefusalAsync(host, scope, response, what, cancellation).ConfigureAwait(false);
        }

        response.Dispose();
    }

    private async Task<HttpResponseMessage> ReadAsync(HttpMethod method, string path, string what, CancellationToken cancellation)
    {
        HttpResponseMessage response = await session.SendAsync(host, path, _pull, address =>
        {
            HttpRequestMessage request = new(method, address);
            foreach (string type in MediaTypes.Manifests)
            {
                request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
            }

            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json", 0.5));
            return request;
        }, what, cancellation).ConfigureAwait(false);
        return response.IsSuccessStatusCode ? response : throw await session.RefusalAsync(host, _pull, response, what, cancellation).ConfigureAwait(false);
    }

    // Link: </v2/app/tags/list?n=2&last=b>; rel="next" (RFC 8288). It stays with this registry.
    private static string? NextPage(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("Link", out IEnumerable<string>? links) || links.FirstOrDefault(link => link.Contains("next", StringComparison.Ordinal)) is not { } found)
        {
            return null;
        }

        int start = found.IndexOf('<', StringComparison.Ordinal), end = found.IndexOf('>', StringComparison.Ordinal);
        return start >= 0 && end > start && Uri.TryCreate(new Uri("http://registry/"), found[(start + 1)..end], out Uri? uri) ? uri.PathAndQuery : null;
    }
}
