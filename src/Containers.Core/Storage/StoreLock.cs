using Containers.Native;

namespace Containers.Storage;

/// <summary>
/// The lock of a store's catalogue: whoever changes names, records and documents, or takes layers away, holds it. It is held for
/// as long as some small files take to write, and nothing waits under it: readers need no lock, since files are renamed to their places.
/// </summary>
internal sealed class StoreLock : IDisposable
{
    private readonly PathHandle _file;

    private StoreLock(PathHandle file) => _file = file;

    /// <summary>Waits for it. The kernel drops it with its holder (flock(2)), and its file stays: what is locked by many is not made anew each time.</summary>
    public static StoreLock Take(StoreLayout layout)
    {
        string path = layout.Lock;
        PathHandle file;
        try
        {
            file = PathHandle.Open(path, Kernel.O_RDWR | Kernel.O_CREAT | Kernel.O_NOFOLLOW, 0x180 /* 0600 */);
        }
        catch (KernelException exception)
        {
            throw new KernelException("open the image store's lock", path, exception.Errno, StoreLayout.Hint);
        }

        try
        {
            Kernel.Check(Kernel.flock(file.Descriptor, Kernel.LOCK_EX), "flock", path);
            return new StoreLock(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => _file.Dispose();
}
