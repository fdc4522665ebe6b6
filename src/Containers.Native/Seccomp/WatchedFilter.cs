namespace Containers.Native.Seccomp;

/// <summary>A filter as a program that asks its listener instead of deciding itself.</summary>
internal static class WatchedFilter
{
    /// <summary>The size, and the alignment, of what <see cref="ExceptFutexIn"/> leaves out.</summary>
    public const int PageSize = 4096;

    /// <summary>Asks about calls that would fail, or about all that would not end the process.</summary>
    public static BpfInstruction[] Asking(ReadOnlySpan<BpfInstruction> filter, bool aboutAll)
    {
        BpfInstruction[] asking = filter.ToArray();
        foreach (ref BpfInstruction instruction in asking.AsSpan())
        {
            if (instruction.Code == BpfInstruction.RET_K && ((instruction.Value & SeccompReturn.ACTION) is SeccompReturn.ERRNO || (aboutAll && (instruction.Value & SeccompReturn.ACTION) is SeccompReturn.ALLOW or SeccompReturn.LOG)))
            {
                instruction = BpfInstruction.Return(SeccompReturn.USER_NOTIF);
            }
        }

        return asking;
    }

    /// <summary>
    /// Allows futex on one page and decides otherwise as before: the child waits there for the host to listen, and nobody would answer
    /// that very call. What executes later has other memory there, or none.
    /// </summary>
    public static BpfInstruction[] ExceptFutexIn(ReadOnlySpan<BpfInstruction> filter, uint auditArch, nint page)
    {
        (uint low, uint high) = ((uint)page, (uint)(page >> 32));
        return
        [
            BpfInstruction.Load(BpfInstruction.ArchAt), BpfInstruction.If(BpfInstruction.JMP_JEQ_K, auditArch, 0, 8),
            BpfInstruction.Load(BpfInstruction.NumberAt), BpfInstruction.If(BpfInstruction.JMP_JEQ_K, (uint)SystemCall.futex.Number, 0, 6),
            BpfInstruction.Load(BpfInstruction.HighAt(0)), BpfInstruction.If(BpfInstruction.JMP_JEQ_K, high, 0, 4),
            BpfInstruction.Load(BpfInstruction.LowAt(0)), BpfInstruction.And(~(uint)(PageSize - 1)), BpfInstruction.If(BpfInstruction.JMP_JEQ_K, low, 0, 1),
            BpfInstruction.Return(SeccompReturn.ALLOW),
            .. filter,
        ];
    }
}
