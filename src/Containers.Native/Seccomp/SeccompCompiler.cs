namespace Containers.Native.Seccomp;

/// <summary>
/// Writes a filter as a program of classic BPF: the architecture is checked, then the number is found by halving the list of
/// ranges in which neighbours are treated alike, and only there arguments are looked at.
/// </summary>
/// <remarks>
/// Calls whose answer depends on the number alone and is to allow cost nothing more from Linux 5.11 on: the kernel tries the
/// program beforehand and remembers them.
/// </remarks>
internal static class SeccompCompiler
{
    private const uint X32_SYSCALL_BIT = 0x40000000; // asm/unistd.h: x32's calls come with the architecture of x86-64
    private const int MostInstructions = 4096; // BPF_MAXINSNS
    private const int Reach = byte.MaxValue;

    /// <exception cref="ContainerException">The program would be longer than the kernel takes.</exception>
    public static BpfInstruction[] Compile(SeccompFilter filter)
    {
        List<(uint First, BpfInstruction[] Code)> ranges = Ranges(filter);
        List<BpfInstruction> program =
        [
            BpfInstruction.Load(BpfInstruction.ArchAt),
            BpfInstruction.If(BpfInstruction.JMP_JEQ_K, filter.AuditArch, 1, 0),
            BpfInstruction.Return(SeccompReturn.KILL_PROCESS),
            BpfInstruction.Load(BpfInstruction.NumberAt),
            .. Search(ranges, 0, ranges.Count),
        ];
        return program.Count <= MostInstructions
            ? [.. program]
            : throw new ContainerException($"The seccomp profile compiles to {program.Count} instructions, and the kernel takes {MostInstructions}.", "Fewer conditions on arguments make it shorter.");
    }

    // The first number of each range, and what is done in it. They cover all 32 bits.
    private static List<(uint First, BpfInstruction[] Code)> Ranges(SeccompFilter filter)
    {
        List<(uint First, BpfInstruction[] Code)> ranges = [];
        BpfInstruction[] fallback = [BpfInstruction.Return(filter.Default)], unknown = [BpfInstruction.Return(filter.Unknown)];
        uint next = 0;
        foreach ((int number, IReadOnlyList<FilterRule> rules) in filter.Rules.OrderBy(pair => pair.Key))
        {
            Fill((uint)number);
            Add((uint)number, Block(rules, filter.Default));
            next = (uint)number + 1;
        }

        Fill(X32_SYSCALL_BIT);
        Add(X32_SYSCALL_BIT, [BpfInstruction.Return(SeccompReturn.KILL_PROCESS)]);
        Add(uint.MaxValue, fallback); // -1: a call that a tracer took away
        return ranges;

        void Fill(uint end)
        {
            if (next < end && next <= (uint)filter.LastKnown)
            {
                Add(next, fallback);
                next = Math.Min(end, (uint)filter.LastKnown + 1);
            }

            if (next < end)
            {
                Add(next, unknown);
            }
        }

        void Add(uint first, BpfInstruction[] code)
        {
            if (ranges.Count == 0 || !ranges[^1].Code.AsSpan().SequenceEqual(code))
            {
                ranges.Add((first, code));
            }
        }
    }

    private static List<BpfInstruction> Search(List<(uint First, BpfInstruction[] Code)> ranges, int from, int to)
    {
        if (to - from == 1)
        {
            return [.. ranges[from].Code];
        }

        int middle = (from + to) / 2;
        List<BpfInstruction> below = Search(ranges, from, middle);
        List<BpfInstruction> above = Search(ranges, middle, to);
        return below.Count <= Reach
            ? [BpfInstruction.If(BpfInstruction.JMP_JGE_K, ranges[middle].First, below.Count, 0), .. below, .. above]
            : [BpfInstruction.If(BpfInstruction.JMP_JGE_K, ranges[middle].First, 0, 1), BpfInstruction.Jump(below.Count), .. below, .. above];
    }

    private static BpfInstruction[] Block(IReadOnlyList<FilterRule> rules, uint fallback)
    {
        List<BpfInstruction> block = [];
        foreach (FilterRule rule in rules)
        {
            Append(block, rule);
            if (rule.Conditions.Count == 0)
            {
                return [.. block]; // what follows is never reached
            }
        }

        block.Add(BpfInstruction.Return(fallback));
        return [.. block];
    }

    // Backwards, so that it is known how far the end is, to which a condition that does not hold jumps.
    private static void Append(List<BpfInstruction> block, FilterRule rule)
    {
        List<BpfInstruction> code = [BpfInstruction.Return(rule.Action)];
        for (int i = rule.Conditions.Count - 1; i >= 0; i--)
        {
            code.InsertRange(0, Test(rule.Conditions[i], code.Count));
        }

        block.AddRange(code);
    }

    /// <summary>Falls through when the condition holds, and jumps over what is behind it otherwise.</summary>
    /// <param name="behind">How many instructions of the rule follow.</param>
    private static BpfInstruction[] Test(ArgumentCondition condition, int behind)
    {
        (uint low, uint high) = ((uint)condition.Value, (uint)(condition.Value >> 32));
        (uint lowMask, uint highMask) = ((uint)condition.Mask, (uint)(condition.Mask >> 32));
        BpfInstruction loadLow = BpfInstruction.Load(BpfInstruction.LowAt(condition.Index)), loadHigh = BpfInstruction.Load(BpfInstruction.HighAt(condition.Index));
        return condition.Test switch
        {
            ArgumentTest.MaskedEqual when highMask == 0 && high == 0 =>
            [
                loadLow, BpfInstruction.And(lowMask), BpfInstruction.If(BpfInstruction.JMP_JEQ_K, low, 0, behind),
            ],
            ArgumentTest.MaskedEqual =>
            [
                loadHigh, BpfInstruction.And(highMask), BpfInstruction.If(BpfInstruction.JMP_JEQ_K, high, 0, 3 + behind),
                loadLow, BpfInstruction.And(lowMask), BpfInstruction.If(BpfInstruction.JMP_JEQ_K, low, 0, behind),
            ],
            ArgumentTest.Equal =>
            [
                loadHigh, BpfInstruction.If(BpfInstruction.JMP_JEQ_K, high, 0, 2 + behind),
                loadLow, BpfInstruction.If(BpfInstruction.JMP_JEQ_K, low, 0, behind),
            ],
            ArgumentTest.NotEqual =>
            [
                loadHigh, BpfInstruction.If(BpfInstruction.JMP_JEQ_K, high, 0, 2),
                loadLow, BpfInstruction.If(BpfInstruction.JMP_JEQ_K, low, behind, 0),
            ],
            ArgumentTest.Greater => Ordered(BpfInstruction.JMP_JGT_K, holds: true),
            ArgumentTest.GreaterOrEqual => Ordered(BpfInstruction.JMP_JGE_K, holds: true),
            ArgumentTest.Less => Ordered(BpfInstruction.JMP_JGE_K, holds: false),
            ArgumentTest.LessOrEqual => Ordered(BpfInstruction.JMP_JGT_K, holds: false),
            _ => throw new ArgumentOutOfRangeException(nameof(condition)),
        };

        // The high words decide, unless they are equal; then the low ones do.
        BpfInstruction[] Ordered(ushort code, bool holds) =>
        [
            loadHigh,
            holds ? BpfInstruction.If(BpfInstruction.JMP_JGT_K, high, 3, 0) : BpfInstruction.If(BpfInstruction.JMP_JGT_K, high, 3 + behind, 0),
            holds ? BpfInstruction.If(BpfInstruction.JMP_JEQ_K, high, 0, 2 + behind) : BpfInstruction.If(BpfInstruction.JMP_JEQ_K, high, 0, 2),
            loadLow,
            holds ? BpfInstruction.If(code, low, 0, behind) : BpfInstruction.If(code, low, behind, 0),
        ];
    }
}
