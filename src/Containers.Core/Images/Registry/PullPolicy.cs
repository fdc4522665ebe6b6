namespace Containers;

/// <summary>When an image is fetched from its registry.</summary>
public enum PullPolicy
{
    /// <summary>When the store does not have it. What is there is used without asking, also offline.</summary>
    Missing,

    /// <summary>The registry is asked each time what the name means now; layers that are there are not fetched again.</summary>
    Always,

    /// <summary>Not at all: an image that the store does not have is an error.</summary>
    Never,
}
