using Containers.Changes;
using Containers.Images;

namespace Containers;

// What it has changed.
public sealed partial class Container
{
    /// <summary>
    /// Lists what the container has added, changed and removed in its root, sorted by path. It may run, be paused, or have ended; it must not
    /// be disposed. What is mounted in it is no part of the root, and neither are the places that were made to mount it.
    /// </summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>
    /// Files that are the same as below in type, mode, owner, modification time, size, attributes and content are left out, and directories in
    /// which only entries changed. Of a removed directory its own path is told, and not what was in it. In a copied root
    /// (<see cref="ContainerBuilder.WithCopiedRoot"/>) a file of the same size and modification time is taken for the same.
    /// </returns>
    /// <exception cref="ContainerException">Its changes are not apart from what it was started with (a bound root), or cannot be seen (a disk limit in memory).</exception>
    public Task<IReadOnlyList<ContainerChange>> ChangesAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return Task.Run(() => ContainerCommit.List(_request, Id, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Makes an image of the container's image and of what it has changed since: one layer more, or none where nothing was changed. Owners
    /// are those that the container sees, whatever its user namespace makes of them on the host.
    /// </summary>
    /// <param name="name">The image's name in the store; without a tag it gets <c>:latest</c>. Another image that has it loses it.</param>
    /// <param name="options">What the image says besides.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ImageException">The container was made of no image, or the name is none.</exception>
    /// <exception cref="ContainerException">Its changes are not known (see <see cref="ChangesAsync"/>), or a file changed while it was read: a container without a cgroup cannot be paused.</exception>
    public async Task<Image> CommitAsync(string name, CommitOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        ImageName full = ImageName.Parse(name);
        if (full.Digest is not null)
        {
            throw new ImageException($"\"{name}\" cannot be the name of a new image: it has a digest.");
        }

        if (Image?.Catalog is null)
        {
            throw new ImageException($"The container \"{Id}\" was made of a root file system and no image: there is no config to make another of.", $"{nameof(ImageBuilder)} makes an image of a directory.");
        }

        options ??= new CommitOptions();
        bool paused = options.Pause && _cgroup is not null && Exit is null && !_isPaused;
        if (paused)
        {
            await PauseAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return await Task.Run(() => ContainerCommit.Make(_request, Image, Id, full, options, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (paused)
            {
                await ResumeAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
    }
}
