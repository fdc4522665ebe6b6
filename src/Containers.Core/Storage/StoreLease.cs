using Containers.Native;

namespace Containers.Storage;

/// <summary>
/// A lock on a directory or file of the store itself (flock(2)). Shared, it says that something uses what is there: a container,
/// or a load that counts on it. Whoever wants to take it away locks it alone, which fails while anybody uses it. The kernel
/// drops it with its holder, so there is nothing to be cleaned up after a crash.
/// </summary>
internal sealed class StoreLease : IDisposable
{
    private readonly PathHandle _place;

    private StoreLease(PathHandle place) => _place = place;

    /// <summary>Locks what is there against being taken away.</summary>
    /// <returns>Null when nothing is there, or it is just being taken away.</returns>
    public static StoreLease? TryShare(string path)
    {
        // Whoever has it alone removes it or lets go at once: it is a matter of moments.
        for (int pause = 0; ; pause = 1)
        {
            if (pause > 0)
            {
                Thread.Sleep(pause);
            }

            if (TryLock(path, Kernel.LOCK_SH, out StoreLease? lease))
            {
                return lease;
            }
        }
    }

    /// <summary>Locks it to take it away.</summary>
    /// <returns>Null when it is in use, or is not there.</returns>
    public static StoreLease? TryTake(string path)
    {
        TryLock(path, Kernel.LOCK_EX, out StoreLease? lease);
        return lease;
    }

    public void Dispose() => _place.Dispose();

    // False: somebody else has it. True without a lease: nothing is there.
    private static bool TryLock(string path, int operation, out StoreLease? lease)
    {
        lease = null;
        while (true)
        {
            PathHandle place;
            try
            {
                place = PathHandle.Open(path, Kernel.O_RDONLY | Kernel.O_NOFOLLOW);
            }
            catch (KernelException exception) when (exception.Errno is Errno.ENOENT or Errno.ENOTDIR)
            {
                return true;
            }

            int error = Kernel.flock(place.Descriptor, operation | Kernel.LOCK_NB);
            if (error < 0)
            {
                place.Dispose();
                return error == -(int)Errno.EAGAIN ? false : throw new KernelException("flock", path, (Errno)(-error));
            }

            // It may have been renamed away between open and flock: then this locks what nobody sees.
            if (StoreFiles.TryStat(path, out Kernel.statx_t there) && there.stx_ino == StoreFiles.Stat(place).stx_ino)
            {
                lease = new StoreLease(place);
                return true;
            }

            place.Dispose();
        }
    }
}
