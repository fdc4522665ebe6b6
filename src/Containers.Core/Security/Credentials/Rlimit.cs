namespace Containers;

/// <summary>What a process can be limited in: getrlimit(2). The numbers are the kernel's.</summary>
public enum RlimitResource
{
    /// <summary>Processor time, in seconds.</summary>
    Cpu = 0,

    /// <summary>The size of a file it writes, in bytes.</summary>
    FileSize = 1,

    /// <summary>Data, in bytes.</summary>
    Data = 2,

    /// <summary>The stack, in bytes.</summary>
    Stack = 3,

    /// <summary>A core dump, in bytes.</summary>
    Core = 4,

    /// <summary>Nothing since Linux 2.4.30.</summary>
    Rss = 5,

    /// <summary>Processes and threads of the user, counted over the whole host.</summary>
    Processes = 6,

    /// <summary>One more than the greatest descriptor.</summary>
    OpenFiles = 7,

    /// <summary>Locked memory, in bytes.</summary>
    LockedMemory = 8,

    /// <summary>The address space, in bytes.</summary>
    AddressSpace = 9,

    /// <summary>Nothing since Linux 2.4.25.</summary>
    FileLocks = 10,

    /// <summary>Signals that wait, of the user.</summary>
    PendingSignals = 11,

    /// <summary>POSIX message queues of the user, in bytes.</summary>
    MessageQueueBytes = 12,

    /// <summary>20 minus the lowest nice value.</summary>
    NicePriority = 13,

    /// <summary>The greatest real-time priority.</summary>
    RealTimePriority = 14,

    /// <summary>Microseconds of the processor without waiting, under a real-time policy.</summary>
    RealTimeTimeout = 15,
}

/// <summary>A limit of a process.</summary>
/// <param name="Soft">What holds; the process can raise it to the hard one.</param>
/// <param name="Hard">What it cannot raise.</param>
public readonly record struct Rlimit(ulong Soft, ulong Hard)
{
    /// <summary>No limit: RLIM_INFINITY.</summary>
    public const ulong Unlimited = ulong.MaxValue;

    /// <summary>"1024:4096", "unlimited:unlimited".</summary>
    public override string ToString() => $"{Text(Soft)}:{Text(Hard)}";

    private static string Text(ulong limit) => limit == Unlimited ? "unlimited" : limit.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
