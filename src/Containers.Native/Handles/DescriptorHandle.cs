using System.Runtime.InteropServices;

namespace Containers.Native;

/// <summary>A file descriptor that is closed once, when it is disposed. What the kernel hands out as a descriptor is wrapped in one of its kinds.</summary>
public abstract class DescriptorHandle : SafeHandle
{
    private protected DescriptorHandle(int descriptor)
        : base(-1, ownsHandle: true) => SetHandle(descriptor);

    /// <inheritdoc/>
    public override bool IsInvalid => handle < 0;

    /// <summary>The number, valid for as long as the caller keeps the handle alive.</summary>
    internal int Descriptor => (int)handle;

    /// <summary>The number for one call: a dispose on another thread waits for its end, so that the number is not given away meanwhile.</summary>
    /// <exception cref="ObjectDisposedException">The handle is closed.</exception>
    internal Use Borrow()
    {
        bool added = false;
        DangerousAddRef(ref added);
        return new Use(this);
    }

    internal readonly ref struct Use(DescriptorHandle handle)
    {
        public int Descriptor => handle.Descriptor;

        public void Dispose() => handle.DangerousRelease();
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Kernel.close((int)handle) == 0;
}
