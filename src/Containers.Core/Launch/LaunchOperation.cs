namespace Containers.Launch;

/// <summary>
/// One thing done on the way to a container: it can be named, explained, written as system calls for the child, and
/// written as shell commands for a reader. Declared first, run later.
/// </summary>
internal abstract class LaunchOperation
{
    /// <summary>What it does, as an error would begin: "mount proc on /proc".</summary>
    public abstract string Name { get; }

    /// <summary>Why it is done.</summary>
    public abstract string Why { get; }

    /// <summary>Writes its system calls.</summary>
    public abstract void Compile(PlanCompiler plan);

    /// <summary>Writes the commands that do the same; nothing where a shell has it done already.</summary>
    public abstract void Shell(ShellScript script);

    /// <summary>What would help when a step of it failed.</summary>
    public virtual string? Hint(Errno errno) => null;
}
