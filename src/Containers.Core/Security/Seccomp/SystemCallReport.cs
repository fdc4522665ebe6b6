using System.Globalization;
using System.Text;

namespace Containers;

/// <summary>Which system calls of a container were refused, and, where they are learned, which were made: as of the moment it was asked for.</summary>
public sealed class SystemCallReport
{
    internal SystemCallReport(IReadOnlyList<SystemCallDenial> denied, IReadOnlyDictionary<string, long> made, bool endedBySeccomp, SeccompProfile? proposed)
        => (Denied, Made, EndedBySeccomp, ProposedProfile) = (denied, made, endedBySeccomp, proposed);

    /// <summary>Those that the profile refused with an errno, the most frequent first: one for each name and errno.</summary>
    public IReadOnlyList<SystemCallDenial> Denied { get; }

    /// <summary>Those that were made and not refused, with how often; empty unless they are learned.</summary>
    public IReadOnlyDictionary<string, long> Made { get; }

    /// <summary>Whether the command was ended by SIGSYS: by a call for which the profile ends the process, or one of another architecture. Which one it was, the kernel tells its audit log only.</summary>
    public bool EndedBySeccomp { get; }

    /// <summary>
    /// The smallest profile that allows what was made and refuses what was refused, with conditions on the arguments that decide what a call is (of clone, socket, ioctl,
    /// prctl, fcntl and their like). Null unless calls are learned. <see cref="SeccompProfile.ToJson"/> makes a document of it.
    /// </summary>
    /// <remarks>
    /// Whether some calls are made is chance: execve, exit, exit_group, futex, restart_syscall, rt_sigprocmask, rt_sigreturn, rt_sigsuspend and sched_yield are allowed always, if the
    /// profile in effect allows them. Otherwise one run shows one way that the command can take: look at the report of the first runs under the proposal.
    /// </remarks>
    public SeccompProfile? ProposedProfile { get; }

    /// <summary>A table: how often, what, with which errno, by whom.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        foreach (SystemCallDenial denial in Denied)
        {
            text.Append(CultureInfo.InvariantCulture, $"{denial.Count,8} x  {denial}\n");
        }

        if (Denied.Count == 0)
        {
            text.Append("No system call was refused.\n");
        }

        return EndedBySeccomp ? text.Append("A refused system call ended the command.\n").ToString() : text.ToString();
    }
}

/// <summary>A system call that was refused.</summary>
/// <param name="Name">Its name; syscall_500 for one that is newer than this library.</param>
/// <param name="Errno">What it failed with.</param>
/// <param name="Count">How often.</param>
/// <param name="ProcessId">Who called it last, as the host sees it: the id of a thread.</param>
/// <param name="ProcessName">The name of that thread, which is the program's unless it named itself.</param>
/// <param name="Arguments">Its six arguments of the last time, as they are in registers.</param>
public sealed record SystemCallDenial(string Name, Errno Errno, long Count, int ProcessId, string ProcessName, IReadOnlyList<ulong> Arguments)
{
    /// <summary>"unshare(0x10000000, …): EPERM, by sh (4711)".</summary>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Name}({string.Join(", ", Arguments.Select(one => one < 10 ? one.ToString(CultureInfo.InvariantCulture) : "0x" + one.ToString("x", CultureInfo.InvariantCulture)))}): {Errno}, by {ProcessName} ({ProcessId})");
}
