namespace Containers;

// What keeps a process in: filters of system calls and rules of access.
public sealed partial class ContainerBuilder
{
    /// <summary>Filters system calls by a profile, instead of <see cref="SeccompProfile.Default"/>.</summary>
    /// <param name="profile">The profile.</param>
    public ContainerBuilder WithSeccomp(SeccompProfile profile) => WithSpec(Spec with { Seccomp = Given(profile) });

    /// <summary>Filters no system calls: all that the kernel lets the container's user do, it can.</summary>
    public ContainerBuilder WithoutSeccomp() => WithSpec(Spec with { Seccomp = null });

    /// <summary>
    /// Tells which system calls the profile refuses: name, count, process, arguments. <see cref="Container.GetSystemCallReport"/> has them at any time,
    /// <see cref="ContainerResult.SystemCallReport"/> at the end. The profile decides as before.
    /// </summary>
    /// <remarks>
    /// The kernel asks this process about each refused call (seccomp_unotify(2)), which answers on a thread of its own: such a call takes some microseconds more,
    /// and an allowed one takes none. No audit log is needed, and no privilege. What is allowed, logged, trapped or ends the process is not asked about;
    /// <see cref="SystemCallReport.EndedBySeccomp"/> tells of the last.
    /// </remarks>
    /// <exception cref="ContainerException">At start: there is no profile, or this process may not take the listener of its child (pidfd_getfd, which asks for what ptrace asks for).</exception>
    public ContainerBuilder WithSystemCallReport()
        => WithSpec(Spec with { SystemCallWatch = Spec.SystemCallWatch == SystemCallWatch.Learn ? SystemCallWatch.Learn : SystemCallWatch.Report });

    /// <summary>
    /// Writes down which system calls are made, and proposes the smallest profile that allows them: <see cref="SystemCallReport.ProposedProfile"/>. The
    /// profile in effect decides as before, so what it refuses is not proposed; with <see cref="WithoutSeccomp"/> nothing is refused.
    /// </summary>
    /// <remarks>
    /// The kernel asks about every call, which makes each ten microseconds longer: for a trial run, and not for work. What the trial run does not do, the
    /// proposal does not allow: a run that takes another way may be refused something.
    /// </remarks>
    public ContainerBuilder WithSystemCallLearning() => WithSpec(Spec with { SystemCallWatch = SystemCallWatch.Learn });

    /// <summary>Restricts by Landlock what the container's processes can reach of files, TCP ports, sockets and signals. Called again it adds rules.</summary>
    /// <param name="rules">Describes it: <c>rules => rules.ReadOnly("/usr", "/bin", "/lib").ReadWrite("/tmp")</c>.</param>
    /// <exception cref="ContainerException">At start: the kernel has no Landlock, or its version cannot restrict all that is asked for. <see cref="LandlockRules.Restricting"/> asks for less.</exception>
    public ContainerBuilder WithLandlock(Func<LandlockRules, LandlockRules> rules)
    {
        ArgumentNullException.ThrowIfNull(rules);
        return WithSpec(Spec with { Landlock = Given(rules(Spec.Landlock ?? LandlockRules.None)) });
    }

    /// <summary>
    /// Executing a file can give privileges: set-user-ID programs and file capabilities work, within the container's capabilities. They do not by default: no_new_privs, prctl(2).
    /// </summary>
    public ContainerBuilder WithNewPrivileges() => WithSpec(Spec with { NoNewPrivileges = false });
}
