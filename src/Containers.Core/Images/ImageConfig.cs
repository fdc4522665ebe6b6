namespace Containers;

/// <summary>What an image says about how it is run. All of it can be overridden when a container is made.</summary>
public sealed record ImageConfig
{
    /// <summary>A config that says nothing, as a root directory without an image has it.</summary>
    public static ImageConfig Empty { get; } = new();

    /// <summary>The command's fixed beginning; empty when there is none.</summary>
    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    /// <summary>The command, or its arguments where there is an <see cref="Entrypoint"/>.</summary>
    public IReadOnlyList<string> Cmd { get; init; } = [];

    /// <summary>Environment variables as <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    /// <summary>The directory that the command starts in; empty means "/".</summary>
    public string WorkingDir { get; init; } = "";

    /// <summary>Who the command runs as, as <c>user</c>, <c>uid</c>, <c>user:group</c>…; empty means root.</summary>
    public string User { get; init; } = "";

    /// <summary>The signal that asks the command to end, as a name or a number; empty means SIGTERM.</summary>
    public string StopSignal { get; init; } = "";

    /// <summary>Labels that the image's maker gave it.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Ports that the command is said to listen on, such as <c>80/tcp</c>. They are words: nothing is opened.</summary>
    public IReadOnlyList<string> ExposedPorts { get; init; } = [];

    /// <summary>Directories that are said to hold data that outlives a container.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    /// <summary>The processor's architecture in Go's words, such as <c>amd64</c> and <c>arm64</c>; empty when nothing is said.</summary>
    public string Architecture { get; init; } = "";

    /// <summary>The operating system, <c>linux</c>; empty when nothing is said.</summary>
    public string Os { get; init; } = "";
}
