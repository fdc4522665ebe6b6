namespace Containers.Benchmarks.Peers;

/// <summary>Something that can start /bin/true in a container, or as near to one as it comes.</summary>
internal abstract class Contender(string name) : IDisposable
{
    public string Name => name;

    /// <summary>What each measured run took, in milliseconds.</summary>
    public List<double> Milliseconds { get; } = [];

    /// <summary>Something the figures do not say; null for nothing.</summary>
    public virtual string? Note => null;

    /// <summary>Runs it once, from the start to the command's exit, and tidies up after it in a time of its own.</summary>
    /// <exception cref="ContenderException">It did not run, or did not end well.</exception>
    public abstract TimeSpan Run();

    public abstract void Dispose();
}

/// <summary>A contender cannot take part.</summary>
internal sealed class ContenderException(string message) : Exception(message);
