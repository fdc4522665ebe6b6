using System.Collections.Frozen;
using Containers.Native.Seccomp;

namespace Containers.Security.Seccomp;

/// <summary>Which arguments decide what a call is, so that they are part of what is learned of it.</summary>
internal static class LearnedArguments
{
    private const ulong Int = 0xffffffff, Long = ulong.MaxValue;

    /// <summary>More ways to make a call than this, and it is allowed as the profile in effect allows it.</summary>
    public const int MostWays = 32;

    // Their values as they are, under a mask where the kernel takes an int.
    private static readonly FrozenDictionary<string, (int Index, ulong Mask)[]> s_values = new Dictionary<string, (int, ulong)[]>
    {
        ["socket"] = [(0, Int), (2, Int)], ["socketpair"] = [(0, Int)], ["ioctl"] = [(1, Int)], ["fcntl"] = [(1, Int)], ["prctl"] = [(0, Int)], ["arch_prctl"] = [(0, Int)],
        ["personality"] = [(0, Int)], ["setns"] = [(1, Int)], ["keyctl"] = [(0, Int)], ["bpf"] = [(0, Int)], ["ptrace"] = [(0, Long)], ["seccomp"] = [(0, Int)],
    }.ToFrozenDictionary();

    // Flags of which each bit is one thing: the bits that count are allowed when they were seen.
    private static readonly FrozenDictionary<string, (int Index, ulong Bits)> s_flags = new Dictionary<string, (int, ulong)>
    {
        ["clone"] = (0, DefaultSeccomp.NewNamespaces), ["unshare"] = (0, Long),
    }.ToFrozenDictionary();

    public static bool Has(string name) => s_values.ContainsKey(name) || s_flags.ContainsKey(name);

    /// <summary>What counts of a call's arguments; two calls for which it is the same are alike.</summary>
    public static unsafe (ulong First, ulong Second) Of(string name, in seccomp_data call)
    {
        if (s_flags.TryGetValue(name, out (int Index, ulong Bits) flags))
        {
            return (call.args[flags.Index] & flags.Bits, 0);
        }

        return s_values.TryGetValue(name, out (int Index, ulong Mask)[]? values)
            ? (call.args[values[0].Index] & values[0].Mask, values.Length > 1 ? call.args[values[1].Index] & values[1].Mask : 0)
            : default;
    }

    /// <summary>Conditions that allow what was seen: lists of which one has to hold.</summary>
    public static IEnumerable<SeccompCondition[]> Conditions(string name, IReadOnlyCollection<(ulong First, ulong Second)> seen)
    {
        if (s_flags.TryGetValue(name, out (int Index, ulong Bits) flags))
        {
            ulong others = flags.Bits & ~seen.Aggregate(0UL, (all, one) => all | one.First);
            return [[SeccompCondition.Argument(flags.Index).Masked(others, 0)]];
        }

        (int Index, ulong Mask)[] values = s_values[name];
        return seen.Order().Select(one => values.Select((value, i) => SeccompCondition.Argument(value.Index).Masked(value.Mask, i == 0 ? one.First : one.Second)).ToArray());
    }
}
