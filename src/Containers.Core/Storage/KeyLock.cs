using Containers.Native;

namespace Containers.Storage;

/// <summary>
/// A lock between threads and processes that has a name. It is the kernel's (flock(2)): it goes when its holder does, in
/// whatever way, and its file is removed by the last one to hold it.
/// </summary>
internal sealed unsafe class KeyLock : IDisposable
{
    private readonly PathHandle _file;
    private readonly string _path;

    private KeyLock(PathHandle file, string path)
    {
        _file = file;
        _path = path;
    }

    /// <summary>Waits until nobody else holds it.</summary>
    public static KeyLock Acquire(string path, CancellationToken cancellation)
    {
        // flock(2) has no timeout and no descriptor to poll, and a waiter that cannot be cancelled is worse than one that looks again.
        for (int pause = 1; ; pause = Math.Min(pause * 2, 32))
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryAcquire(path) is { } taken)
            {
                return taken;
            }

            cancellation.WaitHandle.WaitOne(pause);
        }
    }

    /// <returns>Null when somebody else holds it.</returns>
    public static KeyLock? TryAcquire(string path)
    {
        while (true)
        {
            PathHandle file;
            try
            {
                file = PathHandle.Open(path, Kernel.O_RDWR | Kernel.O_CREAT | Kernel.O_NOFOLLOW, 0x180 /* 0600 */);
            }
            catch (KernelException exception)
            {
                throw new KernelException("open the image store's lock", path, exception.Errno, StoreLayout.Hint);
            }

            int error = Kernel.flock(file.Descriptor, Kernel.LOCK_EX | Kernel.LOCK_NB);
            if (error == -(int)Errno.EAGAIN)
            {
                file.Dispose();
                return null;
            }

            Kernel.Check(error, "flock", path);

            // Its last holder may have removed the file between our open and our flock: then this locks a file that nobody sees.
            if (StoreFiles.TryStat(path, out Kernel.statx_t there) && there.stx_ino == StoreFiles.Stat(file).stx_ino)
            {
                return new KeyLock(file, path);
            }

            file.Dispose();
        }
    }

    public void Dispose()
    {
        if (!_file.IsClosed)
        {
            StoreFiles.Unlink(_path); // first, while nobody else can have it
            _file.Dispose();
        }
    }
}
