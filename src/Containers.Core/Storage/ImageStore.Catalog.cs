using Containers.Images;

namespace Containers;

// The images that a store has.
public sealed partial class ImageStore
{
    internal Storage.ImageCatalog Catalog => _loader.Catalog;

    /// <summary>Finds an image that is in the store, with all of its layers. One that was found before takes some microseconds.</summary>
    /// <param name="name">A name such as <c>busybox:1.36</c>, an image's id, or at least four digits of the beginning of one.</param>
    /// <returns>Null when it is not there. Nothing is fetched.</returns>
    /// <exception cref="ImageException">The ids of several images begin so.</exception>
    public Image? Get(string name) => _loader.Catalog.Find(name);

    /// <summary>Finds an image as <see cref="Get"/> does, on a thread of the pool.</summary>
    /// <param name="name">As for <see cref="Get"/>.</param>
    /// <param name="cancellationToken">Keeps it from starting.</param>
    /// <exception cref="ImageException">The ids of several images begin so.</exception>
    public Task<Image?> GetAsync(string name, CancellationToken cancellationToken = default) => Task.Run(() => _loader.Catalog.Find(name), cancellationToken);

    /// <summary>The images of the store, sorted by their names; those without a name come last.</summary>
    public IReadOnlyList<ImageSummary> List() => _loader.Catalog.List();

    /// <summary>All that is known about an image.</summary>
    /// <param name="name">As for <see cref="Get"/>.</param>
    /// <returns>Null when it is not there.</returns>
    /// <exception cref="ImageException">The ids of several images begin so.</exception>
    public ImageDetails? Inspect(string name) => _loader.Catalog.Inspect(name);

    /// <summary>Gives an image another name. Another image that has the name loses it.</summary>
    /// <param name="name">As for <see cref="Get"/>.</param>
    /// <param name="newName">A name as registries have it; without a tag it gets <c>:latest</c>.</param>
    /// <returns>The new name in full, such as <c>docker.io/library/mine:latest</c>.</returns>
    /// <exception cref="ImageException">The image is not there, or the new name is none.</exception>
    public string Tag(string name, string newName)
    {
        ArgumentException.ThrowIfNullOrEmpty(newName);
        ImageName full = ImageName.Parse(newName);
        if (full.Digest is not null)
        {
            throw new ImageException($"\"{newName}\" cannot be an image's new name: a digest says itself what it means.", "A name is [HOST[:PORT]/]REPOSITORY[:TAG].");
        }

        return _loader.Catalog.Tag(name, full.ToString())
            ?? throw new ImageException($"There is no image \"{name}\" in the store {Path}.", $"{nameof(List)} tells which there are.");
    }

    /// <summary>
    /// Removes a name, and when it was the image's last one, the image with those of its layers that no other image has. By an
    /// id, removes the image with all of its names.
    /// </summary>
    /// <param name="name">As for <see cref="Get"/>.</param>
    /// <returns>What was removed; null when there is no such image.</returns>
    /// <exception cref="ImageException">The image would go, and a container of any process runs from it. Nothing is changed.</exception>
    public ImageRemoval? Remove(string name) => _loader.Catalog.Remove(name);
}
