using System.Runtime.InteropServices;

namespace Containers.Native;

// The structures of native/launcher.c, field by field.
internal sealed unsafe partial class StepProgram
{
    public const int Slots = 64;

    [Flags]
    public enum StepFlags : byte
    {
        None = 0,

        /// <summary>Again until it fails: a gate is a futex wait that ends with EAGAIN.</summary>
        Repeat = 1,

        /// <summary>A result above 0 is a failure (ESRCH): a poll on the pidfd of a host that is gone.</summary>
        ExpectZero = 2,

        /// <summary>The host is told that the program has come to this step: <see cref="LaunchedChild.WaitForAnnouncement"/>.</summary>
        Announce = 4,

        /// <summary>From this step on no time is taken: a filter of system calls may refuse to tell it, or kill for the question.</summary>
        ClockEnds = 8,

        /// <summary>Makes no call: a program that comes here has failed.</summary>
        Fails = 16,

        /// <summary>No errno ends the program: the host reads the result.</summary>
        GoOn = 32,

        /// <summary>No system call: a program is launched, as <see cref="Launcher"/> does, by this child.</summary>
        Launch = 64,

        /// <summary>What follows is run by a child of the one that runs it: for join.c and init.c only.</summary>
        Spawn = 128,
    }

    [StructLayout(LayoutKind.Sequential, Size = 88)]
    public struct Step
    {
        public int Call;
        public ushort FromSlot;
        public sbyte Save;
        public StepFlags Flags;
        public fixed byte Tolerated[4];
        public short Skip;
        public short SkipError;
        public fixed long Args[6];
        public long Result;
        public ulong Ended;
        public ulong Operation;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        public uint Alive;
        public int Failed;
        public int Pid;
        public int PidFd;
        public uint Count;
        public fixed uint Gate[2];
        public uint Vfork;
        public ulong Began;
        public ulong Cloned;
        public Step* Steps;
        public byte* Stack;
        public ulong StackSize;
        public ulong Self;
        public ulong Size;
        public ulong Resume;
        public ulong Status;
        public fixed long Slots[StepProgram.Slots];
    }
}
