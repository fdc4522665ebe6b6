namespace Containers;

/// <summary>Something that a container has changed in its root.</summary>
/// <param name="Path">An absolute path inside; what is no UTF-8 in it is shown as \xNN.</param>
/// <param name="Kind">What became of it.</param>
public sealed record ContainerChange(string Path, ContainerChangeKind Kind)
{
    /// <summary>As docker diff writes it: <c>A /path</c>, <c>C /path</c> or <c>D /path</c>.</summary>
    public override string ToString() => $"{(Kind switch { ContainerChangeKind.Added => "A", ContainerChangeKind.Changed => "C", _ => "D" })} {Path}";
}

/// <summary>What became of something.</summary>
public enum ContainerChangeKind
{
    /// <summary>It was not in the image.</summary>
    Added,

    /// <summary>It is another, or something about it is.</summary>
    Changed,

    /// <summary>It is not there any more, with all that was in it.</summary>
    Removed,
}
