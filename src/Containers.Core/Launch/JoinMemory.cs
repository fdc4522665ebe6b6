using Containers.Native;

namespace Containers.Launch;

/// <summary>
/// Memory for the plans of processes that join one container. It is used again, since the kernel has to stop the threads of this process to take
/// memory from it: but never for another container, and not where somebody inside might have kept a hold of it.
/// </summary>
/// <param name="reuse">Whether it is used again.</param>
internal sealed class JoinMemory(bool reuse) : IDisposable
{
    private const int MostSpare = 2;

    private readonly Stack<SharedMemory> _spare = [];
    private bool _disposed;

    public static JoinMemory For(LaunchRequest request) => new(reuse: !request.Spec.Capabilities.Contains(Capability.SysPtrace));

    public SharedMemory Take()
    {
        lock (_spare)
        {
            return _spare.TryPop(out SharedMemory? memory) ? memory : StepProgram.CreateMemory();
        }
    }

    /// <summary>Takes it back, when whoever mapped it is gone.</summary>
    public void Return(SharedMemory memory)
    {
        lock (_spare)
        {
            if (reuse && !_disposed && _spare.Count < MostSpare)
            {
                _spare.Push(memory);
                return;
            }
        }

        memory.Dispose();
    }

    public void Dispose()
    {
        lock (_spare)
        {
            _disposed = true;
            while (_spare.TryPop(out SharedMemory? memory))
            {
                memory.Dispose();
            }
        }
    }
}
