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

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Kernel.close((int)handle) == 0;
}
