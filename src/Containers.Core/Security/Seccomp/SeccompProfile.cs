using System.Collections.Immutable;
using Containers.Native.Seccomp;
using Containers.Security.Seccomp;

namespace Containers;

/// <summary>
/// Which system calls a container's processes can make: an immutable list of rules. A later rule goes before an earlier one, and one for
/// which no rule fits gets the profile's default action. Linux 3.17, seccomp(2).
/// </summary>
/// <remarks>
/// <code>
/// SeccompProfile.Default.Deny(Errno.EPERM, "socket").Allow("keyctl")
/// SeccompProfile.DenyAll().Allow("read", "write", "exit_group", "execve", "futex", …)
/// SeccompProfile.FromFile("profile.json")   // as Docker and the OCI runtime specification write it
/// </code>
/// Calls of another architecture than the host's (i386 and x32 on x86-64) end the process, whatever the profile says. Calls that
/// are newer than this library fail with ENOSYS where the default action is an errno, as they would on an older kernel.
/// </remarks>
public sealed partial class SeccompProfile
{
    // By the capabilities of a container, and whether denials are told: programs are made once.
    private readonly System.Collections.Concurrent.ConcurrentDictionary<ulong, BpfInstruction[]> _programs = new();

    internal SeccompProfile(SeccompAction defaultAction, ImmutableArray<SeccompRule> rules) => (DefaultAction, Rules) = (defaultAction, rules);

    /// <summary>
    /// What containers have unless their builder says otherwise: about 350 calls of usual programs, and what each capability of
    /// the container asks for. As strict as Docker's, and stricter in some: no AF_ALG, no AF_VSOCK, no TIOCSTI, no io_uring, no nf_tables
    /// sockets without CAP_NET_ADMIN, no reading of other processes' memory (process_vm_readv) without CAP_SYS_PTRACE, no other architecture. New namespaces, and so nested user namespaces, need CAP_SYS_ADMIN.
    /// </summary>
    public static SeccompProfile Default { get; } = DefaultSeccomp.Make();

    /// <summary>What becomes of a call for which no rule fits.</summary>
    public SeccompAction DefaultAction { get; }

    internal ImmutableArray<SeccompRule> Rules { get; }

    /// <summary>A profile that begins with everything allowed.</summary>
    public static SeccompProfile AllowAll() => new(SeccompAction.Allow, []);

    /// <summary>A profile that begins with nothing allowed: calls fail with EPERM. The library itself needs execve and exit_group, the command also what its libc calls.</summary>
    public static SeccompProfile DenyAll() => DenyAll(Errno.EPERM);

    /// <inheritdoc cref="DenyAll()" path="/summary"/>
    /// <param name="errno">What calls fail with.</param>
    public static SeccompProfile DenyAll(Errno errno) => DenyAll(SeccompAction.Fail(errno));

    /// <summary>A profile that begins with nothing allowed.</summary>
    /// <param name="action">What becomes of calls: <see cref="SeccompAction.KillProcess"/>.</param>
    public static SeccompProfile DenyAll(SeccompAction action) => new(action, []);

    /// <summary>Allows calls.</summary>
    /// <param name="names">As in man pages: "openat".</param>
    /// <exception cref="ContainerException">There is no system call of one of the names.</exception>
    public SeccompProfile Allow(params ReadOnlySpan<string> names) => With(SeccompAction.Allow, names);

    /// <summary>Allows a call when conditions on its arguments hold.</summary>
    /// <param name="name">As in man pages.</param>
    /// <param name="conditions">All of them have to hold.</param>
    /// <exception cref="ContainerException">There is no system call of the name.</exception>
    public SeccompProfile Allow(string name, params ReadOnlySpan<SeccompCondition> conditions) => With(SeccompAction.Allow, name, conditions);

    /// <summary>Lets calls fail.</summary>
    /// <param name="errno">With what.</param>
    /// <param name="names">As in man pages.</param>
    /// <exception cref="ContainerException">There is no system call of one of the names.</exception>
    public SeccompProfile Deny(Errno errno, params ReadOnlySpan<string> names) => With(SeccompAction.Fail(errno), names);

    /// <summary>Lets a call fail when conditions on its arguments hold.</summary>
    /// <param name="errno">With what.</param>
    /// <param name="name">As in man pages.</param>
    /// <param name="conditions">All of them have to hold.</param>
    /// <exception cref="ContainerException">There is no system call of the name.</exception>
    public SeccompProfile Deny(Errno errno, string name, params ReadOnlySpan<SeccompCondition> conditions) => With(SeccompAction.Fail(errno), name, conditions);

    /// <summary>Says what becomes of calls.</summary>
    /// <param name="action">What becomes of them.</param>
    /// <param name="names">As in man pages.</param>
    /// <exception cref="ContainerException">There is no system call of one of the names.</exception>
    public SeccompProfile With(SeccompAction action, params ReadOnlySpan<string> names)
    {
        ImmutableArray<string> known = [.. names];
        foreach (string name in known)
        {
            Check(name);
        }

        return Add(new SeccompRule(known, action, []));
    }

    /// <summary>Says what becomes of a call when conditions on its arguments hold.</summary>
    /// <param name="action">What becomes of it.</param>
    /// <param name="name">As in man pages.</param>
    /// <param name="conditions">All of them have to hold.</param>
    /// <exception cref="ContainerException">There is no system call of the name.</exception>
    public SeccompProfile With(SeccompAction action, string name, params ReadOnlySpan<SeccompCondition> conditions)
    {
        Check(name);
        return Add(new SeccompRule([name], action, [.. conditions]));
    }

    internal SeccompProfile Add(SeccompRule rule) => new(DefaultAction, Rules.Add(rule));

    /// <summary>The program for this machine.</summary>
    internal BpfInstruction[] Compile(ImmutableHashSet<Capability> capabilities)
    {
        ulong bits = capabilities.Aggregate(0UL, static (all, one) => all | (1UL << (int)one));
        return _programs.TryGetValue(bits, out BpfInstruction[]? program) ? program
            : _programs.GetOrAdd(bits, SeccompCompiler.Compile(Resolve(capabilities, SystemCallTable.Current)));
    }

    /// <summary>The profile by numbers, for an architecture.</summary>
    internal SeccompFilter Resolve(ImmutableHashSet<Capability> capabilities, SystemCallTable table)
    {
        Dictionary<int, List<FilterRule>> rules = [];
        foreach (SeccompRule rule in Rules.Where(rule => rule.Holds(capabilities)).Reverse())
        {
            FilterRule filter = new(rule.Action.Value, [.. rule.Conditions.Select(condition => condition.Native)]);
            foreach (string name in rule.Names)
            {
                if (table.TryGetNumber(name, out int number))
                {
                    (rules.TryGetValue(number, out List<FilterRule>? list) ? list : rules[number] = []).Add(filter);
                }
            }
        }

        bool errno = (DefaultAction.Value & SeccompReturn.ACTION) == SeccompReturn.ERRNO;
        return new SeccompFilter(table.AuditArch, DefaultAction.Value, errno ? SeccompAction.Fail(Errno.ENOSYS).Value : DefaultAction.Value, table.Last,
            rules.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<FilterRule>)pair.Value));
    }

    private static void Check(string name)
    {
        if (!SystemCallTable.IsKnown(name))
        {
            throw new ContainerException($"\"{name}\" is no system call.", "Names are those of the man pages, section 2, such as openat; see also the kernel's asm/unistd.h.");
        }
    }
}
