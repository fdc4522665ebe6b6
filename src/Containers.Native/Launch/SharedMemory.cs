namespace Containers.Native;

/// <summary>Memory that another process, which has nothing else of this one's, can map. It is sparse: pages that nobody touches take nothing.</summary>
internal sealed unsafe class SharedMemory : IDisposable
{
    private readonly PathHandle _file;

    public SharedMemory(int size)
    {
        Size = size;
        fixed (byte* name = "containers-plan\0"u8)
        {
            _file = new PathHandle((int)Kernel.Check(Kernel.Call(SystemCall.memfd_create, (long)name, Kernel.MFD_CLOEXEC), "make memory for a plan"));
        }

        try
        {
            Kernel.Check(Kernel.Call(SystemCall.ftruncate, _file.Descriptor, size), "make memory for a plan");
            Address = (byte*)Kernel.Check(Kernel.Call(SystemCall.mmap, 0, size, Kernel.PROT_READ | Kernel.PROT_WRITE, Kernel.MAP_SHARED, _file.Descriptor, 0), "map memory for a plan");
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public byte* Address { get; private set; }

    public int Size { get; }

    /// <summary>For who is to map it.</summary>
    public int Descriptor => _file.Descriptor;

    /// <summary>A second descriptor of it.</summary>
    public PathHandle Duplicate() => new((int)Kernel.Check(Kernel.fcntl(Descriptor, Kernel.F_DUPFD_CLOEXEC, 3), "fcntl"));

    public void Dispose()
    {
        if (Address is not null)
        {
            Kernel.Call(SystemCall.munmap, (long)Address, Size);
            Address = null;
            _file.Dispose();
        }
    }
}
