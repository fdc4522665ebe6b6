namespace Containers;

/// <summary>What an image that is made of a container says besides what its container's image said.</summary>
public sealed record CommitOptions
{
    /// <summary>Changes what the image says about how it is run: <c>config => config with { Cmd = ["sh"] }</c>.</summary>
    public Func<ImageConfig, ImageConfig>? Configure { get; init; }

    /// <summary>Who made it.</summary>
    public string? Author { get; init; }

    /// <summary>What is said about it in its history.</summary>
    public string? Comment { get; init; }

    /// <summary>When it was made; null for now. With a time of one's own, the same files give the same image.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>Whether a container that runs and has a cgroup is paused while its files are read. True by default.</summary>
    public bool Pause { get; init; } = true;
}
