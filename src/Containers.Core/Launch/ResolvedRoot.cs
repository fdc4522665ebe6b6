using Containers.Images.Users;
using Containers.Storage;

namespace Containers.Launch;

/// <summary>A root source, found: directories, and what the image says about running it.</summary>
/// <param name="Store">The store it is run from.</param>
/// <param name="LowerDirectories">Topmost first.</param>
/// <param name="Image">Null for a directory.</param>
internal sealed record ResolvedRoot(string Store, IReadOnlyList<string> LowerDirectories, Image? Image) : IDisposable
{
    private LayerLeases? _leases;

    public static ResolvedRoot Find(ContainerSpec spec, CancellationToken cancellation = default)
    {
        ImageStore store = new(spec.Store) { Registries = spec.Registries };
        if (spec.Root is RootSource.Directory directory)
        {
            return Directory.Exists(directory.Path)
                ? new ResolvedRoot(store.Path, [directory.Path], null)
                : throw new ContainerException($"The root directory \"{directory.Path}\" does not exist.");
        }

        (Image image, LayerLeases leases) = Hold(spec, store, cancellation);
        if (spec.RootMode == RootMode.Bind && image.LowerDirectories.Count != 1)
        {
            leases.Dispose();
            throw new ContainerException($"The image \"{image.Name}\" has {image.LowerDirectories.Count} layers, which only an overlay makes one root of.", "Leave WithBindRoot() out, or use a directory.");
        }

        return new ResolvedRoot(store.Path, image.LowerDirectories, image) { _leases = leases };
    }

    // From here on nobody removes its layers. Somebody may have, in the moment since it was found.
    private static (Image Image, LayerLeases Leases) Hold(ContainerSpec spec, ImageStore store, CancellationToken cancellation)
    {
        while (true)
        {
            Image image = spec.Root switch
            {
                RootSource.Loaded loaded => loaded.Image,
                RootSource.Reference reference => store.Find(reference.Value, spec.SquashOwners, spec.PullPolicy, cancellation),
                _ => throw new NotSupportedException(spec.Root.ToString()),
            };
            if (LayerLeases.TryHold(image) is { } leases)
            {
                return (image, leases);
            }

            if (spec.Root is RootSource.Loaded)
            {
                throw new ImageException($"The image \"{image.Name}\" is not in its store any more: it was removed since it was loaded.", "Load it again.");
            }
        }
    }

    /// <summary>Lets go of the image: it can be removed then.</summary>
    public void Dispose() => _leases?.Dispose();

    public ImageUser ResolveUser(string user) => Image is not null ? Image.ResolveUser(user) : DirectoryUsers.Resolve(LowerDirectories[0], user);
}
