using System.Collections.Concurrent;

namespace Containers.Native;

// A program in memory that another process, which has nothing else of this one's, can map: native/join.c.
internal sealed unsafe partial class StepProgram
{
    private const int SharedTextSize = 4 << 20;

    private static readonly ConcurrentDictionary<nint, string> s_constantTexts = new();

    private PathHandle? _memory;

    private StepProgram(PathHandle memory)
    {
        int size = s_textAt + SharedTextSize;
        Kernel.Check(Kernel.Call(SystemCall.ftruncate, memory.Descriptor, size), "make memory for a plan");
        _block = (byte*)Kernel.Check(Kernel.Call(SystemCall.mmap, 0, size, Kernel.PROT_READ | Kernel.PROT_WRITE, Kernel.MAP_SHARED, memory.Descriptor, 0), "map memory for a plan");
        _memory = memory;
        Begin();
        Head->Self = (ulong)_block;
        Head->Size = (ulong)size;
        Head->Alive = 1;
    }

    /// <summary>The memory, for who is to run the program.</summary>
    public int MemoryDescriptor => _memory!.Descriptor;

    private int TextLength => _memory is null ? TextSize : SharedTextSize;

    /// <summary>An empty program in memory of its own (sparse: pages that nobody touches take nothing).</summary>
    public static StepProgram CreateShared()
    {
        fixed (byte* name = "containers-plan\0"u8)
        {
            PathHandle memory = new((int)Kernel.Check(Kernel.Call(SystemCall.memfd_create, (long)name, Kernel.MFD_CLOEXEC), "make memory for a plan"));
            try
            {
                return new StepProgram(memory);
            }
            catch
            {
                memory.Dispose();
                throw;
            }
        }
    }

    /// <summary>Copies texts that lie elsewhere (<see cref="Constant"/>) into the program. To be called when it is complete.</summary>
    public void Complete()
    {
        Dictionary<nint, nint> copies = [];
        for (int i = 0; i < Count; i++)
        {
            Step* step = &Head->Steps[i];
            for (int k = 0; k < 6; k++)
            {
                nint value = (nint)step->Args[k];
                if ((step->FromSlot >> k & 1) == 0 && s_constantTexts.TryGetValue(value, out string? text))
                {
                    step->Args[k] = copies.TryGetValue(value, out nint copy) ? copy : copies[value] = (nint)Text(text);
                }
            }
        }
    }

    /// <summary>Whether the step that makes a child has made one.</summary>
    public bool HasSpawned
    {
        get
        {
            for (int i = 0; i < Count; i++)
            {
                if ((Head->Steps[i].Flags & StepFlags.Spawn) != 0)
                {
                    return Volatile.Read(ref Head->Steps[i].Result) > 0;
                }
            }

            return false;
        }
    }

    /// <summary>How the command of native/init.c ended, as wait4(2) tells it; null while it has not.</summary>
    public int? CommandStatus => Volatile.Read(ref Head->Status) is var status && status >> 32 != 0 ? (int)status : null;

    /// <summary>Whoever ran the program is gone, and could not say so.</summary>
    public void Abandon()
    {
        Volatile.Write(ref Head->Alive, 0);
        Kernel.futex_wake(Alive);
    }

    private void Unmap()
    {
        Kernel.Call(SystemCall.munmap, (long)_block, s_textAt + SharedTextSize);
        _block = null;
        _memory!.Dispose();
    }
}
