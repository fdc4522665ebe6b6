namespace Containers;

/// <summary>How the kernel gives processes the processor: sched(7). The numbers are the kernel's.</summary>
public enum SchedulingPolicy
{
    /// <summary>The usual one, by nice values.</summary>
    Other = 0,

    /// <summary>Real time, until it waits. Needs CAP_SYS_NICE.</summary>
    Fifo = 1,

    /// <summary>Real time, in turns. Needs CAP_SYS_NICE.</summary>
    RoundRobin = 2,

    /// <summary>For work that nobody waits for.</summary>
    Batch = 3,

    /// <summary>Only when nobody else wants the processor.</summary>
    Idle = 5,
}

/// <summary>A policy and its parameter.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Nice">-20 (first) to 19 (last), for <see cref="SchedulingPolicy.Other"/> and <see cref="SchedulingPolicy.Batch"/>. Below 0 needs CAP_SYS_NICE.</param>
/// <param name="Priority">1 (last) to 99 (first), for the real-time policies; 0 for the others.</param>
public sealed record Scheduling(SchedulingPolicy Policy, int Nice = 0, int Priority = 0);

/// <summary>How the kernel gives processes the disk: ioprio_set(2). The numbers are the kernel's.</summary>
public enum IoPriorityClass
{
    /// <summary>First, always. Needs CAP_SYS_ADMIN or CAP_SYS_NICE.</summary>
    RealTime = 1,

    /// <summary>The usual one.</summary>
    BestEffort = 2,

    /// <summary>Only when nobody else wants the disk.</summary>
    Idle = 3,
}

/// <summary>A class and the place in it.</summary>
/// <param name="Class">The class.</param>
/// <param name="Level">0 (first) to 7 (last); of no meaning to <see cref="IoPriorityClass.Idle"/>.</param>
public sealed record IoPriority(IoPriorityClass Class, int Level = 4);

/// <summary>What the kernel is to seem to a process: personality(2). The numbers are the kernel's.</summary>
[Flags]
public enum Personality
{
    /// <summary>What it is.</summary>
    Linux = 0,

    /// <summary>A machine of 32 bits: uname(2) says so.</summary>
    Linux32 = 8,

    /// <summary>Addresses are not random: ADDR_NO_RANDOMIZE.</summary>
    NoRandomize = 0x40000,
}
