using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Containers.Native;

/// <summary>The result of an earlier step, as the argument of a later one: a descriptor, mostly.</summary>
internal readonly record struct Slot(byte Index);

/// <summary>An argument of a step: a number, or what a slot will hold.</summary>
internal readonly struct Argument
{
    private Argument(long value, bool fromSlot) => (Value, FromSlot) = (value, fromSlot);

    public long Value { get; }

    public bool FromSlot { get; }

    public static implicit operator Argument(long value) => new(value, false);

    public static implicit operator Argument(int value) => new(value, false);

    public static implicit operator Argument(uint value) => new(value, false);

    public static implicit operator Argument(ulong value) => new((long)value, false);

    public static implicit operator Argument(Slot slot) => new(slot.Index, true);

    public static implicit operator Argument(nint address) => new(address, false);

    public static unsafe implicit operator Argument(void* address) => new((long)address, false);
}

/// <summary>
/// System calls written down beforehand, for a child that shares this process's memory and in which no managed code may
/// run. The steps, the texts they point to, and the child's stack lie in one block of unmanaged memory.
/// </summary>
/// <remarks>It must not be disposed before the child has its own memory or is gone: see <see cref="Launcher"/>.</remarks>
internal sealed unsafe partial class StepProgram : IDisposable
{
    private const int StackSize = 16 * 1024;
    private const int MaximumSteps = 1024;
    private const int TextSize = 64 * 1024;
    private static readonly int s_stepsAt = (sizeof(Header) + 63) & ~63;
    private static readonly int s_stackAt = (s_stepsAt + (MaximumSteps * sizeof(Step)) + 4095) & ~4095;
    private static readonly int s_textAt = s_stackAt + StackSize;

    // Blocks are used again: the kernel would give fresh pages zeroed, one fault each, at every start.
    private static readonly Stack<nint> s_spare = [];

    private static readonly System.Collections.Concurrent.ConcurrentDictionary<string, nint> s_constants = new();

    private readonly List<nint> _extra = [];
    private byte* _block;
    private byte* _text;
    private byte _slots;

    public StepProgram()
    {
        lock (s_spare)
        {
            _block = s_spare.TryPop(out nint spare) ? (byte*)spare : null;
        }

        if (_block is null)
        {
            _block = (byte*)NativeMemory.AlignedAlloc((nuint)(s_textAt + TextSize), 4096);
        }

        Begin();
    }

    private void Begin()
    {
        *Head = default;
        Head->Failed = -1;
        Head->PidFd = -1;
        Head->Steps = (Step*)(_block + s_stepsAt);
        Head->Stack = _block + s_stackAt;
        Head->StackSize = StackSize;
        _text = _block + s_textAt;
    }

    public int Count => (int)Head->Count;

    /// <summary>Which part of a plan the steps added from now on belong to.</summary>
    public ulong Operation { get; set; }

    /// <summary>The step that ended the program, or -1.</summary>
    public int Failed => Volatile.Read(ref Head->Failed);

    /// <summary>When the child ran its first instruction, in nanoseconds of CLOCK_MONOTONIC; 0 when it has not.</summary>
    public ulong Began => Volatile.Read(ref Head->Began);

    /// <summary>When clone3 returned in this process.</summary>
    public ulong Cloned => Head->Cloned;

    internal void* Address => _block;

    /// <summary>The page of all words that the child waits at or wakes its host by.</summary>
    internal nint FutexPage => (nint)_block;

    internal uint* Alive => &Head->Alive;

    internal ref int Pid => ref Head->Pid;

    internal ref int PidFd => ref Head->PidFd;

    /// <summary>The same word, as a futex: 0 until there is a child; -errno when there will be none. For a clone with <see cref="Vfork"/>.</summary>
    internal uint* PidWord => (uint*)&Head->Pid;

    /// <summary>Whether the cloning thread sleeps until the child executes: <see cref="VforkThread"/>.</summary>
    internal bool Vfork
    {
        set => Head->Vfork = value ? 1u : 0;
    }

    private Header* Head => (Header*)_block;

    public ref readonly Step this[int index] => ref Head->Steps[index];

    /// <summary>A slot that no other step uses.</summary>
    public Slot NewSlot() => _slots < Slots ? new Slot(_slots++) : throw new InvalidOperationException("The program has no slot left.");

    /// <summary>
    /// A structure of a number and a descriptor behind it, as some system calls want them in memory: it lies in two slots, of which a step fills the second one.
    /// </summary>
    /// <param name="first">The number.</param>
    public (nint Address, Slot Second) NewPair(long first)
    {
        Slot number = NewSlot(), second = NewSlot();
        Head->Slots[number.Index] = first;
        return ((nint)(&Head->Slots[number.Index]), second);
    }

    /// <summary>Adds a step. What the reference sets holds until the next one is added.</summary>
    public StepReference Add(SystemCall call, Argument a = default, Argument b = default, Argument c = default, Argument d = default, Argument e = default, Argument f = default)
    {
        if (Head->Count == MaximumSteps)
        {
            throw new InvalidOperationException($"A program has room for {MaximumSteps} steps.");
        }

        Step* step = &Head->Steps[Head->Count++];
        *step = default;
        step->Call = call.Number;
        step->Save = -1;
        step->Operation = Operation;
        Set(step, 0, a);
        Set(step, 1, b);
        Set(step, 2, c);
        Set(step, 3, d);
        Set(step, 4, e);
        Set(step, 5, f);
        return new StepReference(step);
    }

    /// <summary>Adds a step that makes no call: a program that comes to it has failed there.</summary>
    public void AddFailure()
    {
        Add(default);
        Head->Steps[Head->Count - 1].Flags = StepFlags.Fails;
    }

    /// <summary>Adds a step that waits until the gate is opened from outside: <see cref="Open"/>.</summary>
    public StepReference AddGate(int gate)
        => Add(SystemCall.futex, &Head->Gate[gate], Kernel.FUTEX_WAIT, 0L).Repeat().Tolerate(Errno.EAGAIN);

    /// <summary>Lets a child that waits at the gate go on.</summary>
    public void Open(int gate)
    {
        Volatile.Write(ref Head->Gate[gate], 1);
        Kernel.futex_wake(&Head->Gate[gate]);
    }

    /// <summary>A copy of the text, with a NUL behind it, that lives as long as the program.</summary>
    public byte* Text(string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        byte* at = Allocate(length + 1, 1);
        Encoding.UTF8.GetBytes(text, new Span<byte>(at, length));
        if (new Span<byte>(at, length).Contains((byte)0))
        {
            throw new ArgumentException($"The text {text.Replace("\0", "\\0", StringComparison.Ordinal)} has a NUL in it, which ends a string for the kernel.", nameof(text));
        }

        at[length] = 0;
        return at;
    }

    /// <summary>The text for ever, for those that every program has: /proc, "null", "lo".</summary>
    public static Argument Constant(string constant)
        => s_constants.GetOrAdd(constant, static text =>
        {
            byte[] bytes = CString.Bytes(text);
            byte* at = (byte*)NativeMemory.Alloc((nuint)bytes.Length);
            bytes.CopyTo(new Span<byte>(at, bytes.Length));
            s_constantTexts[(nint)at] = text;
            return (nint)at;
        });

    /// <summary>A copy of a structure that lives as long as the program.</summary>
    public T* Data<T>(T value)
        where T : unmanaged
    {
        T* at = (T*)Allocate(sizeof(T), 8);
        *at = value;
        return at;
    }

    /// <summary>Bytes that live as long as the program.</summary>
    public byte* Bytes(ReadOnlySpan<byte> bytes)
    {
        byte* at = Allocate(bytes.Length, 8);
        bytes.CopyTo(new Span<byte>(at, bytes.Length));
        return at;
    }

    /// <summary>Texts as execve takes them: an array of addresses with a null at its end.</summary>
    public byte** Texts(IReadOnlyList<string> texts)
    {
        byte** array = (byte**)Allocate((texts.Count + 1) * sizeof(byte*), 8);
        for (int i = 0; i < texts.Count; i++)
        {
            array[i] = Text(texts[i]);
        }

        array[texts.Count] = null;
        return array;
    }

    public void Dispose()
    {
        if (_block is null)
        {
            return;
        }

        if (_memory is not null)
        {
            _block = null;
            return;
        }

        lock (s_spare)
        {
            s_spare.Push((nint)_block);
        }

        _block = null;
        foreach (nint extra in _extra)
        {
            NativeMemory.Free((void*)extra);
        }
    }

    private static void Set(Step* step, int index, Argument argument)
    {
        step->Args[index] = argument.Value;
        if (argument.FromSlot)
        {
            step->FromSlot |= (ushort)(1 << index);
        }
    }

    private byte* Allocate(int size, int alignment)
    {
        byte* at = (byte*)(((nuint)_text + (nuint)alignment - 1) & ~((nuint)alignment - 1));
        if (at + size <= _block + s_textAt + TextLength)
        {
            _text = at + size;
            return at;
        }

        if (_memory is not null)
        {
            throw new ContainerException($"The command's arguments and environment take more than {SharedTextSize} bytes.");
        }

        // A long environment, or many layers.
        void* extra = NativeMemory.Alloc((nuint)size);
        _extra.Add((nint)extra);
        return (byte*)extra;
    }

    /// <summary>The step just added, to be told what to do with its result.</summary>
    public readonly ref struct StepReference(Step* step)
    {
        /// <summary>Keeps the result for later steps.</summary>
        public StepReference Into(Slot slot)
        {
            step->Save = (sbyte)slot.Index;
            return this;
        }

        /// <summary>The program goes on when the kernel answers with one of these. Four at most.</summary>
        public StepReference Tolerate(params ReadOnlySpan<Errno> errnos)
        {
            for (int i = 0, at = 0; i < errnos.Length; i++, at++)
            {
                while (step->Tolerated[at] != 0)
                {
                    at++;
                }

                step->Tolerated[at] = (byte)errnos[i];
            }

            return this;
        }

        /// <summary>On success, leaves out this many of the steps that follow.</summary>
        public StepReference SkipOnSuccess(int steps)
        {
            step->Skip = (short)steps;
            return this;
        }

        /// <summary>On a tolerated errno, leaves out this many of the steps that follow.</summary>
        public StepReference SkipOnError(int steps)
        {
            step->SkipError = (short)steps;
            return this;
        }

        /// <summary>Runs what follows in a child: the first argument has flags for clone3, the second one a cgroup to be born in, or -1.</summary>
        public StepReference Spawn() => Flag(StepFlags.Spawn);

        public StepReference Repeat() => Flag(StepFlags.Repeat);

        public StepReference ExpectZero() => Flag(StepFlags.ExpectZero);

        /// <summary>Tells the host, before the call, that the program has come here.</summary>
        public StepReference Announce() => Flag(StepFlags.Announce);

        /// <summary>Takes no time from this step on; what follows seems to take none.</summary>
        public StepReference EndClock() => Flag(StepFlags.ClockEnds);

        private StepReference Flag(StepFlags flag)
        {
            step->Flags |= flag;
            return this;
        }
    }

    /// <summary>Replaces a step by one that fails: how tests see what a failure at any place leaves behind.</summary>
    internal void Sabotage(int index)
    {
        Step* step = &Head->Steps[index];
        ulong operation = step->Operation;
        *step = default;
        step->Call = SystemCall.close.Number;
        step->Save = -1;
        step->Args[0] = -1; // EBADF
        step->Operation = operation;
    }

    /// <summary>A step that is written anew while the child waits: see <see cref="Deputy"/>.</summary>
    internal Step* At(int index) => &Head->Steps[index];

    /// <summary>How many steps of skipping were not known when the step was added.</summary>
    internal void SetSkip(int index, int steps) => Head->Steps[index].Skip = (short)steps;
}
