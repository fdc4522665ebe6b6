using System.Text;
using Containers.Native;

namespace Containers.Resources;

/// <summary>A file of a cgroup that the kernel tells the changes of: to read it is to have seen what there was, and a poll waits for more.</summary>
internal sealed class CgroupEvents : IDisposable
{
    private readonly PathHandle _file;

    public CgroupEvents(CgroupHandle cgroup, string file) => _file = cgroup.Open(file, Kernel.O_RDONLY);

    /// <returns>Null when the cgroup is gone.</returns>
    public unsafe string? Read()
    {
        using DescriptorHandle.Use file = _file.Borrow();
        byte* buffer = stackalloc byte[1024];
        long length = Kernel.Retry(SystemCall.pread64, file.Descriptor, (long)buffer, 1024, 0);
        return length < 0 ? null : Encoding.ASCII.GetString(buffer, (int)length);
    }

    /// <summary>Calls back, once, when there is something new since the last reading.</summary>
    /// <returns>What <see cref="Poller.Cancel"/> takes.</returns>
    public long WhenChanged(Action changed) => Poller.When(_file, Kernel.EPOLLPRI, changed);

    /// <summary>Waits until the file says so, or the cgroup is gone.</summary>
    public async Task WaitAsync(Func<string, bool> until, CancellationToken cancellation)
    {
        while (Read() is { } text && !until(text))
        {
            TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            long key = WhenChanged(() => changed.TrySetResult());
            using (cancellation.UnsafeRegister(_ =>
            {
                Poller.Cancel(key);
                changed.TrySetCanceled(cancellation);
            }, null))
            {
                await changed.Task.ConfigureAwait(false);
            }
        }
    }

    public void Dispose() => _file.Dispose();
}
