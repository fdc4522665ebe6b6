using Containers.Images.Users;

namespace Containers.Launch;

/// <summary>A root source, found: directories, and what the image says about running it.</summary>
/// <param name="Store">The store it is run from.</param>
/// <param name="LowerDirectories">Topmost first.</param>
/// <param name="Image">Null for a directory.</param>
internal sealed record ResolvedRoot(string Store, IReadOnlyList<string> LowerDirectories, Image? Image)
{
    public static ResolvedRoot Find(ContainerSpec spec, CancellationToken cancellation = default)
    {
        ImageStore store = spec.Store is { } path ? new ImageStore(path) : ImageStore.Default;
        if (spec.Root is RootSource.Directory directory)
        {
            return Directory.Exists(directory.Path)
                ? new ResolvedRoot(store.Path, [directory.Path], null)
                : throw new ContainerException($"The root directory \"{directory.Path}\" does not exist.");
        }

        Image image = spec.Root switch
        {
            RootSource.Loaded loaded => loaded.Image,
            RootSource.Reference reference => store.Find(reference.Value, spec.SquashOwners, cancellation),
            _ => throw new NotSupportedException(spec.Root.ToString()),
        };
        return spec.RootMode == RootMode.Bind && image.LowerDirectories.Count != 1
            ? throw new ContainerException($"The image \"{image.Name}\" has {image.LowerDirectories.Count} layers, which only an overlay makes one root of.", "Leave WithBindRoot() out, or use a directory.")
            : new ResolvedRoot(store.Path, image.LowerDirectories, image);
    }

    public ImageUser ResolveUser(string user) => Image is not null ? Image.ResolveUser(user) : DirectoryUsers.Resolve(LowerDirectories[0], user);
}
