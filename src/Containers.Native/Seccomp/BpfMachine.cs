namespace Containers.Native.Seccomp;

/// <summary>
/// Runs a filter as the kernel would. A host that is asked about a call decides by the very program that would have decided
/// without it.
/// </summary>
internal static unsafe class BpfMachine
{
    /// <summary>What the filter returns for a call.</summary>
    public static uint Run(ReadOnlySpan<BpfInstruction> program, in seccomp_data data)
    {
        uint accumulator = 0;
        fixed (seccomp_data* call = &data)
        {
            for (int at = 0; at < program.Length; at++)
            {
                BpfInstruction instruction = program[at];
                switch (instruction.Code)
                {
                    case BpfInstruction.LD_W_ABS:
                        accumulator = *(uint*)((byte*)call + instruction.Value);
                        break;
                    case BpfInstruction.ALU_AND_K:
                        accumulator &= instruction.Value;
                        break;
                    case BpfInstruction.JMP_JA:
                        at += (int)instruction.Value;
                        break;
                    case BpfInstruction.JMP_JEQ_K:
                        at += accumulator == instruction.Value ? instruction.True : instruction.False;
                        break;
                    case BpfInstruction.JMP_JGT_K:
                        at += accumulator > instruction.Value ? instruction.True : instruction.False;
                        break;
                    case BpfInstruction.JMP_JGE_K:
                        at += accumulator >= instruction.Value ? instruction.True : instruction.False;
                        break;
                    case BpfInstruction.JMP_JSET_K:
                        at += (accumulator & instruction.Value) != 0 ? instruction.True : instruction.False;
                        break;
                    case BpfInstruction.RET_K:
                        return instruction.Value;
                    default:
                        throw new NotSupportedException($"The instruction 0x{instruction.Code:x} is none that a filter of ours has.");
                }
            }
        }

        throw new NotSupportedException("The program has no end.");
    }
}
