using System.Collections.Concurrent;

namespace Containers.Native;

/// <summary>
/// Numbers kept low, where a child's streams are put for the time of its launch. A child copies and closes all descriptors
/// below the greatest that it keeps, one by one: a host with hundreds of containers has thousands of them, and the ends of
/// a new pipe are the last. What lies above costs the child nothing: close_range(2), CLOSE_RANGE_UNSHARE.
/// </summary>
internal sealed class LowDescriptors : IDisposable
{
    private const int Streams = 3, Most = 16;

    private static readonly ConcurrentBag<LowDescriptors> s_free = [];
    private static readonly Lazy<PathHandle> s_null = new(() => PathHandle.Open("/dev/null", Kernel.O_RDWR));

    private readonly int[] _numbers;
    private int _used;

    private LowDescriptors() => _numbers = [.. Enumerable.Range(0, Streams).Select(_ => (int)Kernel.Check(Kernel.Call(SystemCall.fcntl, s_null.Value.Descriptor, Kernel.F_DUPFD_CLOEXEC, 3), "duplicate a descriptor"))];

    /// <summary>/dev/null of the host.</summary>
    public static int Null => s_null.Value.Descriptor;

    /// <summary>Takes numbers for one launch; they are the process's for good, and this launch's until it is disposed.</summary>
    public static LowDescriptors Take()
        => s_free.TryTake(out LowDescriptors? free) ? free : new LowDescriptors();

    /// <summary>Puts a descriptor at a low number, beside its own.</summary>
    /// <returns>The low number; the descriptor itself where it is one of the first three, or none.</returns>
    public int Place(int descriptor)
    {
        if (descriptor < Streams)
        {
            return descriptor;
        }

        int number = _numbers[_used++];
        Kernel.Check(Kernel.Call(SystemCall.dup3, descriptor, number, Kernel.O_CLOEXEC), "duplicate a descriptor");
        return number;
    }

    /// <summary>Takes the streams off again: whoever reads a pipe waits for its last writer.</summary>
    public void Clear()
    {
        for (; _used > 0; _used--)
        {
            Kernel.Call(SystemCall.dup3, s_null.Value.Descriptor, _numbers[_used - 1], Kernel.O_CLOEXEC);
        }
    }

    /// <summary>Gives the numbers back, with nothing of the launch on them.</summary>
    public void Dispose()
    {
        Clear();
        if (s_free.Count < Most)
        {
            s_free.Add(this);
        }
        else
        {
            foreach (int number in _numbers)
            {
                Kernel.close(number);
            }
        }
    }
}
