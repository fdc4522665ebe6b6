namespace Containers.Native.Seccomp;

/// <summary>How an argument, unsigned and of 64 bits, is compared.</summary>
internal enum ArgumentTest
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,

    /// <summary>(argument &amp; mask) == value.</summary>
    MaskedEqual,
}

/// <summary>A condition on one argument of a call.</summary>
/// <param name="Index">0 to 5.</param>
internal readonly record struct ArgumentCondition(int Index, ArgumentTest Test, ulong Value, ulong Mask = ulong.MaxValue);

/// <summary>What becomes of a call when all conditions hold.</summary>
internal sealed record FilterRule(uint Action, IReadOnlyList<ArgumentCondition> Conditions);

/// <summary>
/// What a filter decides, before it is a program: for each number a list of rules, of which the first one that fits decides.
/// </summary>
/// <param name="AuditArch">The one architecture whose calls are looked at; those of any other end the process.</param>
/// <param name="Default">What becomes of calls without a rule, and of those where none fits.</param>
/// <param name="Unknown">What becomes of calls above <paramref name="LastKnown"/> that have no rule.</param>
internal sealed record SeccompFilter(uint AuditArch, uint Default, uint Unknown, int LastKnown, IReadOnlyDictionary<int, IReadOnlyList<FilterRule>> Rules);
