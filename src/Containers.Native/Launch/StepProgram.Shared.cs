using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Containers.Native;

// A program in memory that another process, which has nothing else of this one's, can map: native/join.c.
internal sealed unsafe partial class StepProgram
{
    private const int SharedTextSize = 4 << 20;

    private static readonly ConcurrentDictionary<nint, string> s_constantTexts = new();

    private readonly SharedMemory? _memory;

    /// <summary>An empty program in memory that is shared.</summary>
    /// <param name="memory">What <see cref="CreateMemory"/> made; it is not disposed with the program, and can serve another one when nobody runs this one any more.</param>
    public StepProgram(SharedMemory memory)
    {
        _memory = memory;
        _block = memory.Address;
        Begin();
        Head->Self = (ulong)_block;
        Head->Size = (ulong)memory.Size;
        Head->Alive = 1;
    }

    /// <summary>The memory, for who is to run the program.</summary>
    public int MemoryDescriptor => _memory!.Descriptor;

    private int TextLength => _memory is null ? TextSize : SharedTextSize;

    /// <summary>Where in its memory a program has the step that it begins with.</summary>
    public static int ResumeAt { get; } = (int)Marshal.OffsetOf<Header>(nameof(Header.Resume));

    /// <summary>Memory for a program.</summary>
    public static SharedMemory CreateMemory() => new(s_textAt + SharedTextSize);

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
}
