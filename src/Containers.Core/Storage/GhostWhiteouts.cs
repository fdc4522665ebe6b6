using Containers.Images;

namespace Containers.Storage;

/// <summary>
/// Finds whiteouts that would be seen. Overlayfs hides whiteouts only where it merges directories; a directory that a single
/// layer provides is shown as it is, and a whiteout in it appears in readdir(3) as a name that cannot be opened. Images have
/// such whiteouts: a builder that removes a directory it made in the same layer leaves them.
/// </summary>
internal static class GhostWhiteouts
{
    /// <summary>Those of a layer's whiteouts that hide nothing, in directories that no layer below provides.</summary>
    /// <param name="whiteouts">Paths relative to the root.</param>
    /// <param name="layerDirectory">The layer itself: what lies in one of its opaque directories is not merged with anything.</param>
    /// <param name="lowerDirectories">The layers below, topmost first.</param>
    public static List<byte[]> Find(IReadOnlyList<byte[]> whiteouts, string layerDirectory, IReadOnlyList<string> lowerDirectories)
    {
        if (whiteouts.Count == 0)
        {
            return [];
        }

        using LayerView below = new(lowerDirectories);
        using LayerView own = new([layerDirectory]);
        Dictionary<string, bool> provided = []; // whiteouts come many to a directory
        List<byte[]> ghosts = [];
        foreach (byte[] whiteout in whiteouts)
        {
            byte[] directory = whiteout[..Math.Max(0, Array.LastIndexOf(whiteout, (byte)'/'))];
            string key = Convert.ToHexString(directory);
            if (!provided.TryGetValue(key, out bool isProvided))
            {
                isProvided = lowerDirectories.Count > 0 && !own.HasOpaqueOnTheWay(directory) && below.HasDirectory(directory);
                provided[key] = isProvided;
            }

            if (!isProvided)
            {
                ghosts.Add(whiteout);
            }
        }

        return ghosts;
    }

    /// <summary>The key of a layer without some of its whiteouts.</summary>
    public static string KeyWithout(string hex, IReadOnlyList<byte[]> dropped)
    {
        byte[] all = [.. dropped.Order(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b))).SelectMany(path => (byte[])[.. path, 0])];
        return $"{hex}-{StoreFiles.Hash(all)[..16]}";
    }
}
