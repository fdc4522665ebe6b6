namespace Containers.Storage;

/// <summary>
/// Takes things out of a store: at once they are where nobody looks, and what that costs, a removal file by file, is paid when
/// this is disposed, without the store's lock.
/// </summary>
internal sealed class LayerRemoval(StoreLayout layout) : IDisposable
{
    private readonly List<WorkArea> _removed = [];

    /// <summary>Bytes that were on the disk of what is disposed of; complete after <see cref="Dispose"/>.</summary>
    public long Bytes { get; private set; }

    /// <summary>Takes a layer away.</summary>
    /// <param name="name">Its directory's name.</param>
    /// <returns>False when something uses it.</returns>
    public bool TryTake(string name)
    {
        string path = $"{layout.Layers}/{name}";
        using StoreLease? lease = StoreLease.TryTake(path);
        if (lease is null)
        {
            return !StoreFiles.HasDirectory(path);
        }

        Take(path);
        return true;
    }

    /// <summary>Takes a file or a directory away that nobody can be using.</summary>
    public void Take(string path)
    {
        WorkArea work = WorkArea.Begin(layout, $"removed-{Guid.NewGuid():N}", CancellationToken.None);
        _removed.Add(work);
        StoreFiles.Rename(path, work.Path + "/it");
    }

    public void Dispose()
    {
        foreach (WorkArea work in _removed)
        {
            Bytes += TreeSize.Of(work.Path + "/it").Bytes;
            work.Dispose();
        }

        _removed.Clear();
    }
}
