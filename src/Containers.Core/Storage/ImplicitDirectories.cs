using System.Text;
using Containers.Images;
using Containers.Layers;
using Containers.Native;

namespace Containers.Storage;

/// <summary>
/// Puts directories right that a layer has files in but says nothing of. umoci, buildah and others write only what changed;
/// a tool that extracts layers one over the other keeps the directory that is there. In an overlay the upper layer's own
/// directory decides, so /tmp would lose its mode 1777 because some layer has a file in it.
/// </summary>
/// <remarks>
/// Overlayfs takes a merged directory's owner, mode, times and attributes from the topmost layer. So one more layer goes on
/// top, with nothing in it but those directories as they should be. Layers themselves stay what their digest says, and shared.
/// </remarks>
internal static class ImplicitDirectories
{
    /// <summary>The directories that need it, each after the one it is in, with the layer's directory whose attributes are the right ones.</summary>
    /// <param name="layers">Topmost first.</param>
    public static IReadOnlyList<(byte[] Path, string Source)> Find(IReadOnlyList<StoredLayer> layers)
    {
        HashSet<byte[]>[] unsaid = [.. layers.Select(layer => new HashSet<byte[]>(layer.Record.ImplicitDirectories ?? [], PathBytes.Comparer))];
        using LayerView view = new([.. layers.Select(layer => layer.Directory)]);
        SortedDictionary<byte[], string> found = new(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)));
        foreach (byte[] path in unsaid.SelectMany(paths => paths).Distinct(PathBytes.Comparer))
        {
            if (view.MergedFrom(path) is { } merged && unsaid[merged[0]].Contains(path) && Saying(path, merged) is { } source)
            {
                found[path] = source;
            }
        }

        // The new layer has the directories on the way too, and must not change those.
        foreach (byte[] path in found.Keys.ToArray())
        {
            for (int slash = path.LastIndexOf((byte)'/'); path.Length > 0; slash = path.AsSpan(0, slash).LastIndexOf((byte)'/'))
            {
                byte[] parent = path[..Math.Max(slash, 0)];
                IReadOnlyList<int> merged = view.MergedFrom(parent)!;
                found.TryAdd(parent, Saying(parent, merged) ?? layers[merged[0]].Directory);
                if (slash < 0)
                {
                    break;
                }
            }
        }

        return [.. found.Select(pair => (pair.Key, pair.Value))];

        string? Saying(byte[] path, IReadOnlyList<int> merged)
        {
            foreach (int layer in merged)
            {
                if (!unsaid[layer].Contains(path))
                {
                    return layers[layer].Directory;
                }
            }

            return null;
        }
    }

    /// <summary>Makes them in an empty directory.</summary>
    public static unsafe void Make(string root, IReadOnlyList<(byte[] Path, string Source)> directories)
    {
        using PathHandle target = PathHandle.OpenDirectory(root);
        foreach ((byte[] path, _) in directories.Where(directory => directory.Path.Length > 0))
        {
            fixed (byte* bytes = (byte[])[.. path, 0])
            {
                Kernel.Check(Kernel.mkdirat(target.Descriptor, bytes, 0x1C0 /* 0700 */), "mkdir", $"{root}/{Encoding.UTF8.GetString(path)}");
            }
        }

        foreach ((byte[] path, string source) in directories.Reverse()) // what is in a directory first: it changes the time
        {
            using PathHandle layer = PathHandle.OpenDirectory(source);
            using PathHandle from = Open(layer, path);
            using PathHandle to = Open(target, path);
            CopyAttributes(from, to, Encoding.UTF8.GetString(path));
        }
    }

    private static PathHandle Open(PathHandle root, byte[] path)
        => LayerView.TryOpenBeneath(root, path.Length == 0 ? "."u8.ToArray() : path, Kernel.O_RDONLY | Kernel.O_DIRECTORY)
            ?? throw new KernelException("open", Encoding.UTF8.GetString(path), Errno.ENOENT);

    private static unsafe void CopyAttributes(PathHandle from, PathHandle to, string path)
    {
        Kernel.statx_t stat = StoreFiles.Stat(from);
        Kernel.Check(Kernel.fchown(to.Descriptor, stat.stx_uid, stat.stx_gid), "chown", path);
        Kernel.Check(Kernel.fchmod(to.Descriptor, stat.stx_mode & 0xFFFu), "chmod", path);
        FileCopy.CopyAttributes(from.Descriptor, to.Descriptor, path);
        Kernel.timespec* times = stackalloc Kernel.timespec[]
        {
            new() { tv_sec = stat.stx_atime.tv_sec, tv_nsec = stat.stx_atime.tv_nsec },
            new() { tv_sec = stat.stx_mtime.tv_sec, tv_nsec = stat.stx_mtime.tv_nsec },
        };
        Kernel.Check(Kernel.utimensat(to.Descriptor, null, times, 0), "set the times of", path);
    }
}
