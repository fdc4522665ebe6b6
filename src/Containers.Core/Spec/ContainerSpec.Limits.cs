namespace Containers;

// What ends a command, and what it may store.
public sealed partial record ContainerSpec
{
    /// <summary>How long the command may run; null for as long as it likes.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How many bytes are read from standard output and standard error together; null for no limit.</summary>
    public long? OutputLimit { get; init; }
}
