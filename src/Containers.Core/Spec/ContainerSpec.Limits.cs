namespace Containers;

// What ends a command, and what it may store.
public sealed partial record ContainerSpec
{
    /// <summary>How long the command may run; null for as long as it likes.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How much CPU time all processes of the container may use together; null for no limit.</summary>
    public TimeSpan? CpuTimeLimit { get; init; }

    /// <summary>How many bytes are read from standard output and standard error together; null for no limit.</summary>
    public long? OutputLimit { get; init; }

    /// <summary>How much the changes to the root may take; null for as much as the store has room for.</summary>
    public DiskLimit? DiskLimit { get; init; }
}
