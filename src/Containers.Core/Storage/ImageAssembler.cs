using System.Runtime.ExceptionServices;
using Containers.Images;
using Containers.Images.Archives;
using Containers.Images.Sources;
using Containers.Layers;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Storage;

/// <summary>An image's layers, kept from being removed until it is in the catalogue.</summary>
internal sealed record AssembledImage(ImageRecord Record, LayerLeases Leases) : IDisposable
{
    public void Dispose() => Leases.Dispose();
}

/// <summary>Sees to it that all layers of an image are in the store, as overlayfs needs them.</summary>
internal sealed class ImageAssembler(StoreLayout layout, LayerStore layers)
{
    /// <summary>Unpacking is bound by inflating and by creating files: two at once keep both busy, more only compete for the disk.</summary>
    public const int Parallelism = 2;

    /// <summary>The unpacked layers of an image whose layers are all there; null when one is missing.</summary>
    public ImageRecord? TryFind(string imageId)
        => StoreRecords.TryLoad(PathOf(imageId), StoreJson.Default.ImageRecord) is { } record && record.LowerKeys().All(layers.Has) ? record : null;

    /// <summary>Unpacks the layers that are missing.</summary>
    /// <param name="config">The image's config: what the layers have to be.</param>
    /// <param name="name">The image's name, for messages.</param>
    /// <param name="open">Opens a layer's archive by its index from 0, the lowest; called from several threads. One that has a digest of its own is a <see cref="BlobInput"/>.</param>
    /// <param name="cancellation">Ends it; layers that are complete by then stay.</param>
    /// <param name="parallelism">How many layers are unpacked at once.</param>
    /// <param name="finished">Is told the index of each layer that is there.</param>
    /// <returns>The image's layers, which stay as they are at least until it is disposed.</returns>
    public AssembledImage Assemble(Config config, string name, Func<int, CancellationToken, Stream> open, CancellationToken cancellation, int parallelism = Parallelism, Action<int>? finished = null)
    {
        LayerLeases leases = new();
        try
        {
            return new AssembledImage(Assemble(config, name, open, leases, parallelism, finished, cancellation), leases);
        }
        catch
        {
            leases.Dispose();
            throw;
        }
    }

    private ImageRecord Assemble(Config config, string name, Func<int, CancellationToken, Stream> open, LayerLeases leases, int parallelism, Action<int>? finished, CancellationToken cancellation)
    {
        StoredLayer[] stored = new StoredLayer[config.DiffIds.Count];
        // A digest can be there twice, as that of an empty layer often is.
        int[] distinct = [.. Enumerable.Range(0, stored.Length).DistinctBy(i => config.DiffIds[i])];
        Run(distinct, parallelism, (i, token) =>
        {
            stored[i] = Unpack(i, Digest.Hex(config.DiffIds[i]), [], token);
            finished?.Invoke(i);
        }, cancellation);
        for (int i = 0; i < stored.Length; i++)
        {
            stored[i] ??= stored[Array.FindIndex(stored, layer => layer?.Record.DiffId == config.DiffIds[i])];
        }

        for (int i = 0; i < stored.Length; i++)
        {
            using MappedRoot.Scope trees = SubordinateTrees.Enter();
            string[] below = [.. stored[..i].Reverse().Select(layer => layer.Directory)];
            List<byte[]> ghosts = GhostWhiteouts.Find(stored[i].Record.Whiteouts, stored[i].Directory, below);
            if (ghosts.Count > 0)
            {
                stored[i] = Unpack(i, GhostWhiteouts.KeyWithout(Digest.Hex(config.DiffIds[i]), ghosts), ghosts, cancellation);
            }
        }

        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        return new([.. stored.Select(layer => new ImageLayerRecord(layer.Key, layer.Record.Size))], PutDirectoriesRight(config, stored, leases, cancellation));

        // All of it is explained, and not the unpacking only: a disk that another layer fills may be full when this one is written down.
        StoredLayer Unpack(int index, string key, IReadOnlyList<byte[]> drop, CancellationToken token)
        {
            string where = $"{name}: layer {index + 1} of {config.DiffIds.Count} ({config.DiffIds[index]})";
            for (bool again = false; ; again = true)
            {
                try
                {
                    return UnpackFailure.Explain(() => layers.Ensure(key, directory => UnpackOne(index, directory, drop, token), leases, token), where);
                }
                catch (BlobDamagedException exception) when (again || !exception.IsRemote)
                {
                    throw exception.Explain(name);
                }
                catch (BlobDamagedException)
                {
                    // Damaged on its way, or begun with what an earlier pull left: once more, from the first byte.
                }
            }
        }

        LayerContent UnpackOne(int index, string directory, IReadOnlyList<byte[]> drop, CancellationToken token)
        {
            string diffId = config.DiffIds[index];
            using Stream archive = open(index, token);
            LayerContent content;
            try
            {
                content = LayerUnpacker.Unpack(archive, directory, new LayerUnpackOptions { DropWhiteouts = drop, SquashOwners = layers.Squashes, Limits = layout.Limits, RecipePlace = Path.GetDirectoryName(directory) }, token);
            }
            catch (LayerException) when (archive is BlobInput blob)
            {
                blob.Complete(); // that the bytes are others is a better answer than what the decoder found in them
                throw;
            }

            (archive as BlobInput)?.Complete();
            return content.DiffId == diffId
                ? content
                : throw new ImageException(
                    $"{name}: layer {index + 1} of {config.DiffIds.Count} has the digest {content.DiffId}, and the config expects {diffId}.",
                    archive is BlobInput { IsRemote: true } ? "The image's maker gave it another layer than its config says; nothing of the layer was kept." : "The archive was changed or damaged; nothing of the layer was kept.");
        }
    }

    /// <summary>Makes the layer of directories that the image needs on top.</summary>
    /// <returns>Its key; null when it needs none.</returns>
    private string? PutDirectoriesRight(Config config, StoredLayer[] stored, LayerLeases leases, CancellationToken cancellation)
    {
        if (stored.Length == 0)
        {
            return layers.Ensure("empty", _ => new LayerContent("", 0, 0, []), leases, cancellation).Key; // overlayfs wants one lower directory
        }

        IReadOnlyList<(byte[] Path, string Source)> directories = ImplicitDirectories.Find([.. stored.Reverse()]);
        return directories.Count == 0 ? null : layers.Ensure($"{Digest.Hex(config.Id)}-directories", root =>
        {
            ImplicitDirectories.Make(root, directories);
            return new LayerContent("", 0, directories.Count, []);
        }, leases, cancellation).Key;
    }

    private string PathOf(string imageId) => $"{layout.Images}/{Digest.Hex(imageId)}{layers.Suffix}.json";

    /// <summary>Runs for each item; the first failure stops the others and is thrown as it was.</summary>
    private static void Run(int[] items, int parallelism, Action<int, CancellationToken> action, CancellationToken cancellation)
    {
        if (items.Length == 0)
        {
            return;
        }

        if (items.Length == 1)
        {
            action(items[0], cancellation);
            return;
        }

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        ExceptionDispatchInfo? failure = null;
        int next = -1;
        // Threads of their own: they wait for the network, whose answers come over the pool's.
        Thread[] threads = [.. Enumerable.Range(0, Math.Clamp(parallelism, 1, items.Length)).Select(_ => new Thread(Work, maxStackSize: 1024 * 1024) { IsBackground = true, Name = "layer" })];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        cancellation.ThrowIfCancellationRequested();
        failure?.Throw();

        void Work()
        {
            for (int i; (i = Interlocked.Increment(ref next)) < items.Length && !stop.IsCancellationRequested;)
            {
                try
                {
                    action(items[i], stop.Token);
                }
                catch (Exception exception)
                {
                    if (Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(exception), null) is null)
                    {
                        stop.Cancel();
                    }
                }
            }
        }
    }
}
