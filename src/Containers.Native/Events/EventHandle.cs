namespace Containers.Native;

/// <summary>Something that has happened or has not, as a descriptor that can be polled: eventfd(2).</summary>
internal sealed unsafe class EventHandle : DescriptorHandle
{
    public EventHandle()
        : base((int)Kernel.Check(Kernel.Call(SystemCall.eventfd2, 0, Kernel.O_CLOEXEC), "eventfd2"))
    {
    }

    /// <summary>It has happened, for good.</summary>
    public void Set()
    {
        ulong one = 1;
        using Use use = Borrow();
        Kernel.Check(Kernel.write(use.Descriptor, (byte*)&one, sizeof(ulong)), "write to an eventfd");
    }
}
