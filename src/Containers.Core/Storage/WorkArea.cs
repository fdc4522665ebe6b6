namespace Containers.Storage;

/// <summary>
/// A directory in which something is made that is renamed to its place when it is complete. Its name says what is made: a
/// second one of that name waits for the first, also in another process.
/// </summary>
internal sealed class WorkArea : IDisposable
{
    private const string LockSuffix = ".lock";

    private readonly KeyLock _lock;

    private WorkArea(KeyLock held, string path)
    {
        _lock = held;
        Path = path;
    }

    /// <summary>The directory; empty at first.</summary>
    public string Path { get; }

    /// <summary>Takes the name's lock and makes the directory.</summary>
    public static WorkArea Begin(StoreLayout layout, string name, CancellationToken cancellation)
    {
        string path = layout.WorkPath(name);
        KeyLock held = KeyLock.Acquire(path + LockSuffix, cancellation);
        try
        {
            StoreFiles.RemoveTree(path); // we hold the lock: who made it has crashed
            StoreFiles.MakeDirectory(path, 0x1C0 /* 0700 */);
            return new WorkArea(held, path);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Removes what crashed processes left: whatever has a lock that can be taken.</summary>
    /// <returns>Bytes that were on the disk of it.</returns>
    public static long RemoveLeftovers(StoreLayout layout)
    {
        long bytes = 0;
        foreach (string path in Directory.EnumerateFileSystemEntries(layout.Work))
        {
            string work = path.EndsWith(LockSuffix, StringComparison.Ordinal) ? path[..^LockSuffix.Length] : path;
            using KeyLock? held = KeyLock.TryAcquire(work + LockSuffix);
            if (held is not null)
            {
                bytes += TreeSize.Of(work).Bytes;
                StoreFiles.RemoveTree(work);
            }
        }

        return bytes;
    }

    /// <summary>Removes what was not renamed, and lets the next one in.</summary>
    public void Dispose()
    {
        try
        {
            StoreFiles.RemoveTree(Path);
        }
        finally
        {
            _lock.Dispose();
        }
    }
}
