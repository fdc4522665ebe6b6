namespace Containers;

// What the command finds as its process: what it talks to, and what is process 1.
public sealed partial record ContainerSpec
{
    /// <summary>The size of its terminal; null for the streams that are set otherwise.</summary>
    public TerminalSize? Terminal { get; init; }

    /// <summary>Whether the first process is the library's init, and the command a child of it.</summary>
    public bool Init { get; init; }
}
