using System.Collections.Immutable;
using Containers.Native.Seccomp;

namespace Containers.Security.Seccomp;

/// <summary>
/// The rules of one call without an order: where two of different actions fit, the one that goes first keeps what it fits, and the other
/// one gets conditions that leave it out. Profiles of the OCI know no order, and no two conditions on one argument; libseccomp
/// compares the whole of an argument, or bits of it.
/// </summary>
internal static class DisjointRules
{
    private const int Most = 300; // with room in the 4096 instructions that the kernel takes

    /// <param name="rules">The first one that fits decides.</param>
    /// <exception cref="ContainerException">It cannot be said in a reasonable number of rules.</exception>
    public static List<SeccompRule> Of(string name, IReadOnlyList<SeccompRule> rules)
    {
        List<SeccompRule> all = [];
        for (int i = 0; i < rules.Count; i++)
        {
            List<SeccompRule> pieces = [.. Combine([], rules[i].Conditions.Select(condition => condition.Native)).Select(conditions => With(rules[i], conditions))];
            for (int earlier = 0; earlier < i; earlier++)
            {
                if (rules[earlier].Action != rules[i].Action)
                {
                    pieces = Bounded(pieces.SelectMany(piece => Without(piece, rules[earlier])));
                }
            }

            all.AddRange(pieces.Select(piece => piece with { Names = [name] }));
        }

        return Bounded(all);
    }

    private static List<T> Bounded<T>(IEnumerable<T> many)
    {
        List<T> list = [.. many.Take(Most + 1)];
        return list.Count <= Most ? list
            : throw new ContainerException($"The profile cannot be written as a document: without an order, more than {Most} rules would be needed for one call.", "Conditions on single bits, and several on one argument, are what makes them many.");
    }

    // What is left of a rule when another one goes first.
    private static IEnumerable<SeccompRule> Without(SeccompRule piece, SeccompRule first)
    {
        if (Exclude(piece, first) || !Combine(Natives(piece), Natives(first)).Any())
        {
            return [piece];
        }

        // Where the other one is not there at all, and where it is.
        IEnumerable<SeccompRule> absent = [
            .. first.With.Except(piece.With).Select(capability => piece with { Without = piece.Without.Add(capability) }),
            .. first.Without.Except(piece.Without).Select(capability => piece with { With = piece.With.Add(capability) })];
        SeccompRule present = piece with { With = [.. piece.With.Union(first.With)], Without = [.. piece.Without.Union(first.Without)] };
        ArgumentCondition[] conditions = Natives(first);
        return absent.Concat(from i in Enumerable.Range(0, conditions.Length)
                             from other in Opposites(conditions[i]) // the first condition that does not hold: so that the pieces do not overlap, and are not cut again
                             from left in Combine(Natives(piece), [.. conditions[..i], other])
                             select With(present, left));
    }

    private static bool Exclude(SeccompRule a, SeccompRule b) => a.With.Intersect(b.Without).Any() || b.With.Intersect(a.Without).Any();

    private static ArgumentCondition[] Natives(SeccompRule rule) => [.. rule.Conditions.Select(condition => condition.Native)];

    private static SeccompRule With(SeccompRule rule, ImmutableList<ArgumentCondition> conditions)
        => rule with { Conditions = [.. conditions.Where(one => one.Test != ArgumentTest.MaskedEqual || one.Mask != 0).OrderBy(one => one.Index).Select(one => new SeccompCondition(one.Index, one.Test == ArgumentTest.MaskedEqual && one.Mask == ulong.MaxValue ? ArgumentTest.Equal : one.Test, one.Value, one.Mask))] };

    /// <summary>Lists of conditions, one on each argument at most, of which one holds when all the given ones do. None at all when they cannot.</summary>
    private static IEnumerable<ImmutableList<ArgumentCondition>> Combine(IEnumerable<ArgumentCondition> held, IEnumerable<ArgumentCondition> more)
    {
        IEnumerable<ImmutableList<ArgumentCondition>> all = [[]];
        foreach (ArgumentCondition next in held.Concat(more))
        {
            all = Bounded(all.SelectMany(conditions =>
            {
                int at = conditions.FindIndex(one => one.Index == next.Index);
                return at < 0 ? Cubes(next).Any() ? [conditions.Add(next)] : [] : conditions[at] == next ? [conditions]
                    : from a in Cubes(conditions[at]) from b in Cubes(next) where ((a.Value ^ b.Value) & a.Mask & b.Mask) == 0
                      select conditions.SetItem(at, new ArgumentCondition(next.Index, ArgumentTest.MaskedEqual, a.Value | b.Value, a.Mask | b.Mask));
            }));
        }

        return all;
    }

    // Conditions of which exactly one holds when this one does not.
    private static IEnumerable<ArgumentCondition> Opposites(ArgumentCondition condition) => condition.Test switch
    {
        ArgumentTest.Equal => [condition with { Test = ArgumentTest.NotEqual }],
        ArgumentTest.NotEqual => [condition with { Test = ArgumentTest.Equal }],
        ArgumentTest.Less => [condition with { Test = ArgumentTest.GreaterOrEqual }],
        ArgumentTest.LessOrEqual => [condition with { Test = ArgumentTest.Greater }],
        ArgumentTest.Greater => [condition with { Test = ArgumentTest.LessOrEqual }],
        ArgumentTest.GreaterOrEqual => [condition with { Test = ArgumentTest.Less }],
        _ => Outside(condition.Value, condition.Mask).Select(cube => new ArgumentCondition(condition.Index, ArgumentTest.MaskedEqual, cube.Value, cube.Mask)),
    };

    /// <summary>The values for which a condition holds, as values of bits under masks.</summary>
    private static IEnumerable<(ulong Value, ulong Mask)> Cubes(ArgumentCondition condition) => condition.Test switch
    {
        ArgumentTest.Equal => [(condition.Value, ulong.MaxValue)],
        ArgumentTest.NotEqual => Outside(condition.Value, ulong.MaxValue),
        ArgumentTest.Less => condition.Value == 0 ? [] : Range(0, condition.Value - 1),
        ArgumentTest.LessOrEqual => Range(0, condition.Value),
        ArgumentTest.Greater => condition.Value == ulong.MaxValue ? [] : Range(condition.Value + 1, ulong.MaxValue),
        ArgumentTest.GreaterOrEqual => Range(condition.Value, ulong.MaxValue),
        _ => (condition.Value & ~condition.Mask) == 0 ? [(condition.Value, condition.Mask)] : [], // a bit that the mask hides is never set
    };

    // One for each bit: it differs, and those above it do not.
    private static IEnumerable<(ulong Value, ulong Mask)> Outside(ulong value, ulong mask)
    {
        if ((value & ~mask) != 0)
        {
            yield return (0, 0);
            yield break;
        }

        ulong above = 0;
        for (int i = 63; i >= 0; i--)
        {
            ulong bit = 1UL << i;
            if ((mask & bit) != 0)
            {
                yield return ((value & above) | (~value & bit), above | bit);
                above |= bit;
            }
        }
    }

    // Aligned blocks, as an address range is made of prefixes.
    private static IEnumerable<(ulong Value, ulong Mask)> Range(ulong first, ulong last)
    {
        for (UInt128 at = first; at <= last;)
        {
            int bits = at == 0 ? 64 : Math.Min(64, (int)UInt128.TrailingZeroCount(at));
            while (bits > 0 && at + (UInt128.One << bits) - 1 > last)
            {
                bits--;
            }

            yield return ((ulong)at, bits == 64 ? 0 : ulong.MaxValue << bits);
            at += UInt128.One << bits;
        }
    }
}
