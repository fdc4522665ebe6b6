using System.Globalization;
using System.Runtime.InteropServices;
using Containers.Native.Seccomp;

namespace Containers.Security.Seccomp;

/// <summary>What was asked about the calls of a container, and what the profile said.</summary>
internal sealed class SystemCallRecord(SeccompProfile profile, ContainerSpec spec)
{
    // Whether these are made is a matter of chance, and not of what the command does: a child may have ended before it is waited for,
    // a lock may be free, a signal may come or not. None of them reaches beyond the process itself.
    private static readonly string[] s_always = ["execve", "exit", "exit_group", "futex", "restart_syscall", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "sched_yield"];

    private readonly BpfInstruction[] _filter = profile.Compile(spec.Capabilities);
    private readonly bool _learns = spec.SystemCallWatch == SystemCallWatch.Learn;
    private readonly Lock _gate = new();
    private readonly Dictionary<(int Number, int Errno), SystemCallDenial> _denied = [];
    private readonly Dictionary<int, (long Count, HashSet<(ulong, ulong)> Ways)> _made = [];

    /// <summary>Whether the command was ended by SIGSYS.</summary>
    public bool EndedBySeccomp { get; set; }

    /// <summary>What the profile says of a call: the very program that would have decided without being watched.</summary>
    public uint Decide(in seccomp_data call) => BpfMachine.Run(_filter, call);

    public void Made(in seccomp_data call)
    {
        string name = SystemCallTable.Current.NameOf(call.nr);
        lock (_gate)
        {
            ref (long Count, HashSet<(ulong, ulong)> Ways) made = ref CollectionsMarshal.GetValueRefOrAddDefault(_made, call.nr, out _);
            made.Ways ??= [];
            made.Count++;
            if (made.Ways.Count <= LearnedArguments.MostWays)
            {
                made.Ways.Add(LearnedArguments.Of(name, call));
            }
        }
    }

    public unsafe void Denied(in seccomp_data call, int errno, int process, string processName)
    {
        ulong[] arguments = new ulong[6];
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i] = call.args[i];
        }

        lock (_gate)
        {
            long before = _denied.TryGetValue((call.nr, errno), out SystemCallDenial? known) ? known.Count : 0;
            _denied[(call.nr, errno)] = new SystemCallDenial(SystemCallTable.Current.NameOf(call.nr), (Errno)errno, before + 1, process, processName, arguments);
        }
    }

    public SystemCallReport Report()
    {
        lock (_gate)
        {
            return new SystemCallReport(
                [.. _denied.Values.OrderByDescending(denial => denial.Count).ThenBy(denial => denial.Name, StringComparer.Ordinal)],
                _made.ToDictionary(pair => SystemCallTable.Current.NameOf(pair.Key), pair => pair.Value.Count),
                EndedBySeccomp,
                _learns ? Propose() : null);
        }
    }

    private SeccompProfile Propose()
    {
        SeccompAction refusal = profile.DefaultAction.IsRefusal ? profile.DefaultAction : SeccompAction.Fail();
        SeccompProfile proposal = SeccompProfile.DenyAll(refusal);

        // A refusal with another errno is part of what programs go by: ENOSYS for clone3 makes a libc use clone.
        foreach (SystemCallDenial denial in _denied.Values.Where(denial => SystemCallTable.IsKnown(denial.Name) && SeccompAction.Fail(denial.Errno) != refusal).OrderBy(denial => denial.Name, StringComparer.Ordinal))
        {
            proposal = proposal.Deny(denial.Errno, denial.Name);
        }

        SortedSet<string> whole = new(s_always.Where(name => SystemCallTable.Current.TryGetNumber(name, out int number) && Decide(new seccomp_data { nr = number, arch = SystemCallTable.Current.AuditArch }) is SeccompReturn.ALLOW), StringComparer.Ordinal);
        List<SeccompRule> rules = [];
        foreach ((int number, (_, HashSet<(ulong, ulong)> ways)) in _made.OrderBy(pair => pair.Key))
        {
            string name = SystemCallTable.Current.NameOf(number);
            SeccompRule[] own = [.. profile.Rules.Where(rule => rule.Names.Contains(name) && rule.Holds(spec.Capabilities)).Select(rule => rule with { Names = [name], With = [], Without = [] })];
            if (LearnedArguments.Has(name) && ways.Count <= LearnedArguments.MostWays)
            {
                rules.AddRange(LearnedArguments.Conditions(name, ways).Select(conditions => new SeccompRule([name], SeccompAction.Allow, [.. conditions])));
            }
            else if (Array.Exists(own, rule => rule.Conditions.Length > 0))
            {
                rules.AddRange(own); // it is allowed under conditions that nothing was learned of
            }
            else if (SystemCallTable.IsKnown(name))
            {
                whole.Add(name);
            }
        }

        return rules.Aggregate(proposal.Allow([.. whole]), (all, rule) => all.Add(rule));
    }
}
