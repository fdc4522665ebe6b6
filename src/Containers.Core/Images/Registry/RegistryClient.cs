using Containers.Images;
using Containers.Images.Registry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Containers;

/// <summary>Asks registries about what they have. Images are pulled and pushed by an <see cref="ImageStore"/>.</summary>
public sealed class RegistryClient : IDisposable
{
    private const int PageSize = 200;

    private readonly RegistrySession _session;

    /// <summary>Makes one; nothing is connected yet.</summary>
    /// <param name="options">How registries are reached; null for the usual.</param>
    /// <param name="logger">Is told what is repeated.</param>
    public RegistryClient(RegistryOptions? options = null, ILogger? logger = null) => _session = new RegistrySession(options ?? RegistryOptions.Default, logger ?? NullLogger.Instance);

    /// <summary>The tags of a repository, in the registry's order. They are fetched in pages, as they are asked for.</summary>
    /// <param name="repository">Such as <c>localhost:5000/app</c>; a tag in it counts for nothing.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ImageException">It is no name.</exception>
    /// <exception cref="RegistryException">The registry cannot be reached, or refuses.</exception>
    public IAsyncEnumerable<string> ListTagsAsync(string repository, CancellationToken cancellationToken = default)
        => RegistryRepository.Of(_session, ImageName.Parse(repository)).ListTagsAsync(PageSize, cancellationToken);

    /// <summary>The digest of the manifest or index that a name has in its registry now.</summary>
    /// <param name="name">A name with a tag.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ImageException">It is no name.</exception>
    /// <exception cref="RegistryException">The registry does not have it, cannot be reached, or refuses.</exception>
    public Task<string> GetDigestAsync(string name, CancellationToken cancellationToken = default)
    {
        ImageName parsed = ImageName.Parse(name);
        return RegistryRepository.Of(_session, parsed).GetDigestAsync(parsed.Selector, cancellationToken);
    }

    /// <summary>Deletes an image from its registry: the manifest, and with it all tags that mean it. Blobs go when the registry collects its garbage.</summary>
    /// <param name="name">A name with a tag or a digest.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The digest of what was deleted.</returns>
    /// <exception cref="ImageException">It is no name.</exception>
    /// <exception cref="RegistryException">The registry does not have it, or does not delete: many do not unless it is configured.</exception>
    public async Task<string> DeleteAsync(string name, CancellationToken cancellationToken = default)
    {
        ImageName parsed = ImageName.Parse(name);
        RegistryRepository repository = RegistryRepository.Of(_session, parsed);
        // Only a digest can be deleted (distribution spec, "Deleting manifests", has tags optional).
        string digest = parsed.Digest ?? await repository.GetDigestAsync(parsed.Selector, cancellationToken).ConfigureAwait(false);
        await repository.DeleteAsync(digest, cancellationToken).ConfigureAwait(false);
        return digest;
    }

    /// <summary>Closes the connections.</summary>
    public void Dispose() => _session.Dispose();
}
