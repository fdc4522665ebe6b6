using System.Runtime.InteropServices;
using Containers.Native;

namespace Containers.Networking;

/// <summary>
/// Leases that the kernel keeps: each is a lock on one byte of a file, and the number of the byte is what is leased. The
/// lock goes with the process that holds it, however it ends, so that nothing in the file ever has to be believed.
/// Open file description locks (fcntl(2), F_OFD_SETLK, Linux 3.15): another process, or another opening, is refused; what
/// this one holds it keeps account of itself.
/// </summary>
internal sealed unsafe class LockFile : IDisposable
{
    private const int F_OFD_GETLK = 36, F_OFD_SETLK = 37;
    private const short F_RDLCK = 0, F_WRLCK = 1, F_UNLCK = 2;

    private readonly PathHandle _file;
    private readonly HashSet<long> _mine = [];

    public LockFile(string path)
    {
        Path = path;
        _file = PathHandle.Open(path, Kernel.O_RDWR | Kernel.O_CREAT, 0x180 /* 0600 */);
    }

    public string Path { get; }

    /// <summary>Takes a lease for this process alone.</summary>
    /// <returns>False when someone has it: another process, or this one.</returns>
    public bool TryTake(long number)
    {
        lock (_mine)
        {
            if (!_mine.Add(number))
            {
                return false;
            }

            if (TrySet(number, F_WRLCK))
            {
                return true;
            }

            _mine.Remove(number);
            return false;
        }
    }

    public void Release(long number)
    {
        lock (_mine)
        {
            if (_mine.Remove(number))
            {
                TrySet(number, F_UNLCK);
            }
        }
    }

    /// <summary>Shares a lease with other processes that share it.</summary>
    public void Share(long number) => TrySet(number, F_RDLCK);

    /// <summary>Whether another process has a lease, shared or not.</summary>
    public bool IsTakenElsewhere(long number)
    {
        flock query = new() { l_type = F_WRLCK, l_start = number, l_len = 1 };
        Kernel.Check(Kernel.Call(SystemCall.fcntl, _file.Descriptor, F_OFD_GETLK, (long)&query), "query a lock", Path);
        return query.l_type != F_UNLCK;
    }

    public void Dispose() => _file.Dispose();

    private bool TrySet(long number, short type)
    {
        flock wanted = new() { l_type = type, l_start = number, l_len = 1 };
        long result = Kernel.Call(SystemCall.fcntl, _file.Descriptor, F_OFD_SETLK, (long)&wanted);
        if (result is -(long)Errno.EAGAIN or -(long)Errno.EACCES)
        {
            return false;
        }

        Kernel.Check(result, "lock", Path);
        return true;
    }

    /// <summary>struct flock of 64-bit architectures; whence 0 is SEEK_SET.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct flock
    {
        public short l_type;
        public short l_whence;
        public long l_start;
        public long l_len;
        public int l_pid;
    }
}
