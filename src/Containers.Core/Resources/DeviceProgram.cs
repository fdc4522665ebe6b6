using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Containers.Native;

namespace Containers.Resources;

/// <summary>
/// Rules about devices as a program for the kernel's eBPF machine, which cgroup v2 asks about each opening and making of a device:
/// linux/bpf.h, BPF_PROG_TYPE_CGROUP_DEVICE. It is a chain of comparisons; the first rule that fits allows, and the end refuses.
/// </summary>
internal static unsafe class DeviceProgram
{
    // struct bpf_cgroup_dev_ctx: the access above the type, the major number, the minor number; 32 bits each.
    private const short AccessAndType = 0, MajorNumber = 4, MinorNumber = 8;
    private const int BPF_DEVCG_DEV_BLOCK = 1, BPF_DEVCG_DEV_CHAR = 2;
    private const int BPF_DEVCG_ACC_MKNOD = 1, BPF_DEVCG_ACC_READ = 2, BPF_DEVCG_ACC_WRITE = 4, All = 7;

    private const byte LoadWord = 0x61, MoveRegister = 0xbf, Move = 0xb7, And = 0x57, ShiftRight = 0x77, JumpIfNot = 0x55, Exit = 0x95;
    private const byte Answer = 0, Context = 1, Type = 2, Access = 3, Major = 4, Minor = 5, Scratch = 6;

    private const int BPF_PROG_LOAD = 5, BPF_PROG_ATTACH = 8;
    private const uint BPF_PROG_TYPE_CGROUP_DEVICE = 15, BPF_CGROUP_DEVICE = 6, BPF_F_ALLOW_MULTI = 2;

    /// <summary>The instructions, 8 bytes each.</summary>
    public static byte[] Assemble(IEnumerable<DeviceRule> rules)
    {
        List<ulong> code = [];
        Add(LoadWord, Type, Context, AccessAndType);
        Add(MoveRegister, Access, Type);
        Add(And, Type, value: 0xffff);
        Add(ShiftRight, Access, value: 16);
        Add(LoadWord, Major, Context, MajorNumber);
        Add(LoadWord, Minor, Context, MinorNumber);
        foreach (DeviceRule rule in rules)
        {
            List<int> jumps = [];
            int refused = All & ~AccessOf(rule);
            if (rule.Type != 'a')
            {
                JumpToNext(Type, rule.Type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
            }

            if (refused != 0)
            {
                Add(MoveRegister, Scratch, Access);
                Add(And, Scratch, value: refused);
                JumpToNext(Scratch, 0);
            }

            if (rule.Major is { } major)
            {
                JumpToNext(Major, major);
            }

            if (rule.Minor is { } minor)
            {
                JumpToNext(Minor, minor);
            }

            Return(1);
            if (jumps.Count == 0)
            {
                return Bytes(code); // it allows all, and the kernel takes no program with instructions that are never reached
            }

            foreach (int jump in jumps)
            {
                code[jump] |= (ulong)(ushort)(code.Count - jump - 1) << 16;
            }

            void JumpToNext(byte register, int unless)
            {
                jumps.Add(code.Count);
                Add(JumpIfNot, register, value: unless);
            }
        }

        Return(0);
        return Bytes(code);

        void Return(int answer)
        {
            Add(Move, Answer, value: answer);
            Add(Exit, 0);
        }

        // struct bpf_insn: code, two registers of four bits, offset, value.
        void Add(byte operation, byte to, byte from = 0, short offset = 0, int value = 0)
            => code.Add(operation | ((ulong)(to | (from << 4)) << 8) | ((ulong)(ushort)offset << 16) | ((ulong)(uint)value << 32));
    }

    /// <summary>Gives a program to the kernel.</summary>
    /// <returns>Its descriptor, or -errno: EPERM without CAP_BPF, EINVAL without CONFIG_CGROUP_BPF.</returns>
    public static int TryLoad(ReadOnlySpan<byte> program)
    {
        fixed (byte* code = program, license = "MIT\0"u8)
        {
            LoadAttributes attributes = new() { prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, insn_cnt = (uint)(program.Length / sizeof(ulong)), insns = (ulong)code, license = (ulong)license };
            return (int)Kernel.Call(SystemCall.bpf, BPF_PROG_LOAD, (long)&attributes, sizeof(LoadAttributes));
        }
    }

    /// <summary>Has a cgroup's processes ask it. It stays with the cgroup, and goes with it.</summary>
    public static int TryAttach(int program, int cgroup)
    {
        // Beside those of cgroups above, which are asked, too: who refuses first has refused.
        AttachAttributes attributes = new() { target_fd = (uint)cgroup, attach_bpf_fd = (uint)program, attach_type = BPF_CGROUP_DEVICE, attach_flags = BPF_F_ALLOW_MULTI };
        return (int)Kernel.Call(SystemCall.bpf, BPF_PROG_ATTACH, (long)&attributes, sizeof(AttachAttributes));
    }

    private static byte[] Bytes(List<ulong> code)
    {
        byte[] bytes = new byte[code.Count * sizeof(ulong)];
        for (int i = 0; i < code.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)), code[i]);
        }

        return bytes;
    }

    private static int AccessOf(DeviceRule rule)
        => (rule.Access.Contains('r', StringComparison.Ordinal) ? BPF_DEVCG_ACC_READ : 0) | (rule.Access.Contains('w', StringComparison.Ordinal) ? BPF_DEVCG_ACC_WRITE : 0)
            | (rule.Access.Contains('m', StringComparison.Ordinal) ? BPF_DEVCG_ACC_MKNOD : 0);

    [StructLayout(LayoutKind.Sequential)]
    private struct LoadAttributes
    {
        public uint prog_type;
        public uint insn_cnt;
        public ulong insns;
        public ulong license;
        public uint log_level;
        public uint log_size;
        public ulong log_buf;
        public uint kern_version;
        public uint prog_flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct AttachAttributes
    {
        public uint target_fd;
        public uint attach_bpf_fd;
        public uint attach_type;
        public uint attach_flags;
    }
}
