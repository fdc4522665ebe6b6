namespace Containers.Storage;

/// <summary>Layers that are not to be taken away: those a container runs from, or an image is being made of.</summary>
internal sealed class LayerLeases : IDisposable
{
    private readonly Dictionary<string, StoreLease> _held = [];
    private readonly Lock _lock = new();

    /// <summary>Holds something of the store.</summary>
    /// <param name="path">A layer's directory, or an image's record.</param>
    /// <returns>False when it is not there any more.</returns>
    public bool TryHold(string path)
    {
        lock (_lock)
        {
            if (_held.ContainsKey(path))
            {
                return true;
            }
        }

        StoreLease? lease = StoreLease.TryShare(path);
        lock (_lock)
        {
            if (lease is not null && !_held.TryAdd(path, lease))
            {
                lease.Dispose();
            }
        }

        return lease is not null;
    }

    /// <summary>Holds the image and all of its layers.</summary>
    /// <returns>Null when some of it is not there any more.</returns>
    public static LayerLeases? TryHold(Image image)
    {
        LayerLeases leases = new();
        try
        {
            if (image.Store is { } layers)
            {
                foreach (string directory in image.LowerDirectories)
                {
                    if (!leases.TryHold(Path.GetDirectoryName(directory)!))
                    {
                        leases.Dispose();
                        return null;
                    }
                }
            }

            if (image.Catalog is { } catalog && !leases.TryHold(catalog.RecordPath(image.Id)))
            {
                leases.Dispose();
                return null;
            }

            return leases;
        }
        catch
        {
            leases.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (StoreLease lease in _held.Values)
            {
                lease.Dispose();
            }

            _held.Clear();
        }
    }
}
