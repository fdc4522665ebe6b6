using System.Collections.Immutable;

namespace Containers;

/// <summary>How a further process of a container is started: <see cref="Container.ExecAsync(IEnumerable{string}, ExecOptions?, CancellationToken)"/>. What is null is as for the container's first process.</summary>
public sealed record ExecOptions
{
    /// <summary>"user", "user:group", by name or number; names are those of the image.</summary>
    public string? User { get; init; }

    /// <summary>An absolute path inside; made when it is missing.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Variables added to those of the first process, and replacing those of the same name.</summary>
    public ImmutableDictionary<string, string> Environment { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>What the command reads.</summary>
    public StandardStream StandardInput { get; init; }

    /// <summary>Where its output goes.</summary>
    public StandardStream StandardOutput { get; init; }

    /// <summary>Where its errors go.</summary>
    public StandardStream StandardError { get; init; }

    /// <summary>The size of a terminal of its own that all of its streams are, as <see cref="ContainerBuilder.WithTerminal"/> has it; null for none.</summary>
    public TerminalSize? Terminal { get; init; }
}
