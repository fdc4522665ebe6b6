using System.Security.Cryptography;
using Containers.Images;
using Containers.Images.Archives;
using Containers.Launch;
using Containers.Layers.Recipes;
using Containers.Native;
using Containers.Storage;
using Containers.UserNamespaces;

namespace Containers.Changes;

/// <summary>Makes an image of a container: the layers of its own image, and one of what it changed.</summary>
internal static class ContainerCommit
{
    public static IReadOnlyList<ContainerChange> List(LaunchRequest request, string container, CancellationToken cancellation)
    {
        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        using ChangedRoot root = ChangedRoot.Open(request, container);
        return [.. new ChangeFinder(root, cancellation).Find().Select(change => new ContainerChange("/" + Layers.PathText.Show(change.Path, whole: true), change.Kind))];
    }

    public static Image Make(LaunchRequest request, Image image, string container, ImageName name, CommitOptions options, CancellationToken cancellation)
    {
        ImageCatalog catalog = image.Catalog!;
        (ImageRecord record, byte[] json) = catalog.Require(image);
        ImageConfig run = options.Configure?.Invoke(image.Config) ?? image.Config;
        using WorkArea work = WorkArea.Begin(catalog.Layout, $"commit-{Guid.NewGuid():N}", cancellation);
        string tar = work.Path + "/layer.tar";
        string? diffId = WriteLayer(request, container, tar, cancellation);
        byte[] made = CommittedConfig.Make(json, image.Config, run, diffId is null ? [] : [diffId], string.Join(' ', request.Arguments), options);
        Config config = Config.Parse(made, $"the container {container}", image.Layers.Count + (diffId is null ? 0 : 1));
        return catalog.Make(config, $"the container {container}",
            i => i < record.Layers.Count ? catalog.Layers.OpenTar(record.Layers[i].Key) : File.OpenRead(tar),
            layers => new Publication(config, made, layers) { ShownName = name.ToString(), Names = [name.ToString()], Source = $"container:{container}" }, cancellation);
    }

    // Null when nothing was changed.
    private static string? WriteLayer(LaunchRequest request, string container, string path, CancellationToken cancellation)
    {
        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        using ChangedRoot root = ChangedRoot.Open(request, container);
        IReadOnlyList<FoundChange> changes = new ChangeFinder(root, cancellation).Find();
        if (changes.Count == 0)
        {
            return null;
        }

        using FileWriter file = new(path);
        using Images.Saving.HashedOutput hashed = new(file);
        using (BufferedStream buffered = new(hashed, 128 << 10))
        {
            new ChangeLayer(root, buffered).Write(changes, cancellation);
            buffered.Flush();
            return hashed.Digest();
        }
    }
}
