namespace Containers.Images.Building;

/// <summary>
/// The files of an image while its layers are put together: what each layer adds and hides, and the tree that they make
/// together. Paths have no slash at the beginning.
/// </summary>
internal sealed class ImageTree
{
    private const string WhiteoutPrefix = ".wh.";
    private const string OpaqueMark = ".wh..wh..opq";
    private const int MaximumLinks = 40;
    private const uint DirectoryMode = 0x1ED; // 0755

    private readonly Dictionary<string, TreeEntry> _merged = [];
    private readonly List<SortedDictionary<string, TreeEntry>> _layers = [];
    private Dictionary<string, TreeEntry> _below = [];

    private readonly BaseTree? _base;
    private readonly HashSet<string> _hidden = new(StringComparer.Ordinal); // of the base image

    /// <param name="below">The files of the image that this one is built on.</param>
    public ImageTree(BaseTree? below = null)
    {
        _base = below;
        NextLayer();
    }

    /// <summary>What each layer's tar has, lowest first, in the order of names by their bytes.</summary>
    public IReadOnlyList<SortedDictionary<string, TreeEntry>> Layers => _layers;

    private SortedDictionary<string, TreeEntry> Layer => _layers[^1];

    public void NextLayer()
    {
        _below = new(_merged);
        _layers.Add(new SortedDictionary<string, TreeEntry>(StringComparer.Ordinal));
    }

    /// <summary>What is at a path whose parent has no links in it; null when nothing is.</summary>
    public TreeEntry? At(string realPath) => _merged.GetValueOrDefault(realPath) ?? (IsHidden(realPath) ? null : _base?.At(realPath));

    /// <summary>Whether something is at a path, links on the way to it followed.</summary>
    public bool Has(string path) => At(Resolve(path)) is not null;

    /// <summary>Puts something at a path. Directories on the way are made, links on the way are followed.</summary>
    public void Put(string path, TreeEntry entry)
    {
        string real = Resolve(path);
        if (real.Length == 0)
        {
            throw new ImageException($"The image's root cannot be replaced (path \"{path}\").");
        }

        Forget(real, keepChildren: entry.Kind == TreeEntryKind.Directory && At(real)?.Kind == TreeEntryKind.Directory);
        MakeParents(real);
        if (Layer.Remove(Whiteout(real)) && entry.Kind == TreeEntryKind.Directory)
        {
            // What was removed comes back as another directory: the old one's content must not shine through.
            Layer[$"{real}/{OpaqueMark}"] = TreeEntry.File([], 0x180);
        }

        _merged[real] = Layer[real] = entry;
    }

    /// <summary>Removes something: it is not in this layer, and hidden where it is in those below.</summary>
    public void Remove(string path)
    {
        string real = Resolve(path);
        if (real.Length == 0 || At(real) is null)
        {
            throw new ImageException($"There is nothing at \"/{real}\" to be removed from the image.");
        }

        Forget(real, keepChildren: false);
        bool isOfBase = !IsHidden(real) && _base?.At(real) is not null;
        if (_below.ContainsKey(real) || isOfBase)
        {
            MakeParents(real);
            Layer[Whiteout(real)] = TreeEntry.File([], 0x180);
        }

        if (isOfBase)
        {
            _hidden.Add(real);
        }
    }

    /// <summary>The path of the same thing without links on the way to it.</summary>
    public string Resolve(string path)
    {
        List<string> done = [];
        Stack<string> remaining = new(path.Split('/').Reverse());
        int links = 0;
        while (remaining.TryPop(out string? name))
        {
            if (name is "" or ".")
            {
                continue;
            }

            if (name == "..")
            {
                if (done.Count > 0)
                {
                    done.RemoveAt(done.Count - 1);
                }

                continue;
            }

            done.Add(name);
            bool isLast = remaining.All(rest => rest is "" or ".");
            if (!isLast && At(string.Join('/', done)) is { Kind: TreeEntryKind.SymbolicLink, Target: { } target })
            {
                if (++links > MaximumLinks)
                {
                    throw new ImageException($"The path \"{path}\" has too many symbolic links in it in the image.");
                }

                done.RemoveAt(done.Count - 1);
                if (target.StartsWith('/'))
                {
                    done.Clear();
                }

                foreach (string part in target.Split('/').Reverse())
                {
                    remaining.Push(part);
                }
            }
        }

        return string.Join('/', done);
    }

    /// <summary>A layer has the directories that its entries are in, so that their modes do not depend on who unpacks it.</summary>
    private void MakeParents(string real)
    {
        for (int slash = real.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = real.IndexOf('/', slash + 1))
        {
            string parent = real[..slash];
            TreeEntry entry = At(parent) ?? TreeEntry.Directory(DirectoryMode);
            if (entry.Kind != TreeEntryKind.Directory)
            {
                throw new ImageException($"\"/{real}\" cannot be made in the image: \"/{parent}\" is no directory.");
            }

            if (At(parent) is null && Layer.Remove(Whiteout(parent)))
            {
                Layer[$"{parent}/{OpaqueMark}"] = TreeEntry.File([], 0x180);
            }

            if (!entry.IsBelow)
            {
                _merged[parent] = Layer[parent] = entry; // one of the base image stays as it is there
            }
        }
    }

    private bool IsHidden(string real)
    {
        for (string path = real; _hidden.Count > 0 && path.Length > 0; path = path[..Math.Max(path.LastIndexOf('/'), 0)])
        {
            if (_hidden.Contains(path))
            {
                return true;
            }
        }

        return false;
    }

    private void Forget(string real, bool keepChildren)
    {
        if (keepChildren)
        {
            return;
        }

        Layer.Remove(real);
        _merged.Remove(real);
        string prefix = real + "/";
        foreach (string child in Layer.Keys.Concat(_merged.Keys).Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).ToArray())
        {
            Layer.Remove(child);
            _merged.Remove(child);
        }
    }

    private static string Whiteout(string real)
    {
        int name = real.LastIndexOf('/') + 1;
        return real[..name] + WhiteoutPrefix + real[name..];
    }
}
