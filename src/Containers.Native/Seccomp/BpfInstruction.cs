using System.Runtime.InteropServices;

namespace Containers.Native.Seccomp;

/// <summary>struct sock_filter, and those of its codes that a seccomp filter may have: linux/filter.h, bpf_common.h, seccomp(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct BpfInstruction(ushort Code, byte True, byte False, uint Value)
{
    public const ushort LD_W_ABS = 0x20;
    public const ushort ALU_AND_K = 0x54;
    public const ushort JMP_JA = 0x05;
    public const ushort JMP_JEQ_K = 0x15;
    public const ushort JMP_JGT_K = 0x25;
    public const ushort JMP_JGE_K = 0x35;
    public const ushort JMP_JSET_K = 0x45;
    public const ushort RET_K = 0x06;

    /// <summary>Offsets in struct seccomp_data; the words of an argument are in the order of a little-endian machine, as both of ours are.</summary>
    public const uint NumberAt = 0, ArchAt = 4;

    public static uint LowAt(int argument) => 16 + ((uint)argument * 8);

    public static uint HighAt(int argument) => LowAt(argument) + 4;

    public static BpfInstruction Load(uint at) => new(LD_W_ABS, 0, 0, at);

    public static BpfInstruction And(uint mask) => new(ALU_AND_K, 0, 0, mask);

    public static BpfInstruction Return(uint value) => new(RET_K, 0, 0, value);

    /// <summary>A jump over as many instructions as a word can tell; conditional ones reach 255.</summary>
    public static BpfInstruction Jump(int over) => new(JMP_JA, 0, 0, (uint)over);

    public static BpfInstruction If(ushort code, uint value, int then, int otherwise)
        => new(code, checked((byte)then), checked((byte)otherwise), value);
}

/// <summary>struct seccomp_data: what a filter decides by.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct seccomp_data
{
    public int nr;
    public uint arch;
    public ulong instruction_pointer;
    public fixed ulong args[6];
}

/// <summary>What a filter returns: linux/seccomp.h.</summary>
internal static class SeccompReturn
{
    public const uint KILL_PROCESS = 0x80000000;
    public const uint KILL_THREAD = 0;
    public const uint TRAP = 0x00030000;
    public const uint ERRNO = 0x00050000;
    public const uint USER_NOTIF = 0x7fc00000;
    public const uint TRACE = 0x7ff00000;
    public const uint LOG = 0x7ffc0000;
    public const uint ALLOW = 0x7fff0000;
    public const uint ACTION = 0xffff0000;
    public const uint DATA = 0xffff;
}
