using Containers.Images.Users;
using Containers.Storage;

namespace Containers;

/// <summary>
/// An image whose layers are unpacked in an <see cref="ImageStore"/>, ready to be mounted. It never changes, can be shared by
/// any number of threads and containers, and holds nothing open.
/// </summary>
public sealed class Image
{
    private readonly Lazy<UserDatabase> _users;

    internal Image(string id, string name, IReadOnlyList<ImageLayer> layers, ImageConfig config, IReadOnlyList<string> lowerDirectories, ImageCatalog? catalog = null, LayerStore? store = null)
    {
        Catalog = catalog;
        Store = store ?? catalog?.Layers;
        Id = id;
        Name = name;
        Layers = layers;
        Config = config;
        LowerDirectories = lowerDirectories;
        // PublicationOnly: a failure to read is not kept, the next caller tries again.
        _users = new Lazy<UserDatabase>(() => UserDatabase.Read(LowerDirectories, Name), LazyThreadSafetyMode.PublicationOnly);
    }

    /// <summary>The digest of the image's config, <c>sha256:…</c>; of a rootfs, which has no config, a digest that stands for its content or place.</summary>
    public string Id { get; }

    /// <summary>The tag that the image was chosen by, or the first that it has, or the path that it came from.</summary>
    public string Name { get; }

    /// <summary>The layers, lowest first.</summary>
    public IReadOnlyList<ImageLayer> Layers { get; }

    /// <summary>What the image says about how it is run.</summary>
    public ImageConfig Config { get; }

    /// <summary>The store's catalogue that has its config and layers; null for a root file system, which has no config.</summary>
    internal ImageCatalog? Catalog { get; }

    /// <summary>The store that its layers are in; null for a directory of the host's.</summary>
    internal LayerStore? Store { get; }

    /// <summary>Absolute paths of the layers' directories, topmost first, as overlayfs takes them.</summary>
    internal IReadOnlyList<string> LowerDirectories { get; }

    /// <summary>Looks a user up in the image's own /etc/passwd and /etc/group, which are read once.</summary>
    /// <param name="user"><c>user</c>, <c>uid</c>, <c>user:group</c>, <c>uid:gid</c> or a mixture; empty is root.</param>
    /// <exception cref="UserNotFoundException">A name is unknown.</exception>
    internal ImageUser ResolveUser(string user) => _users.Value.Resolve(user);

    /// <summary>Writes the image to a file or a directory that docker, podman, skopeo, buildah and umoci read. The same image gives the same bytes.</summary>
    /// <param name="reference"><c>docker-archive:PATH[:NAME]</c>, <c>oci:PATH[:TAG]</c>, <c>oci-archive:PATH[:TAG]</c> or <c>dir:PATH</c>. An archive is
    /// there completely or not at all; a layout's other images stay, but for one of that tag; a directory of skopeo's has one image.</param>
    /// <param name="options">How it is written.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The digest of the OCI manifest, <c>sha256:…</c>.</returns>
    /// <exception cref="ImageException">It cannot be written there, or is no image but a root file system, or was removed from its store.</exception>
    /// <exception cref="LayerException">A layer was unpacked by an earlier version, which did not keep how its tar was, or it is damaged.</exception>
    public Task<string> SaveAsync(string reference, SaveOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(reference);
        return Task.Run(() => Images.Saving.ImageSaver.Save(this, reference, options ?? new SaveOptions(), cancellationToken), cancellationToken);
    }

    /// <summary>The image's name.</summary>
    public override string ToString() => Name;
}
