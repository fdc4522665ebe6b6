using Containers.Layers.Recipes;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Layers;

/// <summary>Unpacks a layer archive into a directory that serves as an overlay's lower directory.</summary>
internal static class LayerUnpacker
{
    /// <summary>Unpacks while it reads: decompresses, hashes the tar, and creates what it names.</summary>
    /// <param name="archive">A tar: plain, gzip, zstd or xz, recognised by its first bytes; need not be seekable.</param>
    /// <param name="directory">An empty directory that is there.</param>
    /// <param name="options">How to treat whiteouts, owners and limits.</param>
    /// <param name="cancellation">Ends it between two entries.</param>
    /// <exception cref="LayerException">The archive is no tar, is truncated or damaged, or an entry is refused.</exception>
    /// <exception cref="KernelException">The file system refused something: ENOSPC when it is full.</exception>
    public static LayerContent Unpack(Stream archive, string directory, LayerUnpackOptions options, CancellationToken cancellation = default)
    {
        using MappedRoot.Scope scope = SubordinateTrees.Enter(options.SquashOwners);
        using RecipeWriter? recipe = options.RecipePlace is { } place ? new RecipeWriter(place) : null;
        using ArchiveInput input = new(archive, options.Limits) { Recipe = recipe };
        TarReader reader = new(input);
        using TreeWriter tree = new(directory, reader, options, recipe);
        int entries = 0;
        while (reader.Next())
        {
            cancellation.ThrowIfCancellationRequested();
            if (++entries > options.Limits.MaximumEntries)
            {
                throw reader.Error($"is one more than the {options.Limits.MaximumEntries} entries that a layer may have", UnpackLimits.Hint);
            }

            tree.Add();
        }

        (string diffId, long length) = input.Finish();
        recipe?.Finish(length);
        return new LayerContent(diffId, length, entries, tree.Finish()) { ImplicitDirectories = tree.ImplicitDirectories, MissingDevices = tree.MissingDevices };
    }
}
