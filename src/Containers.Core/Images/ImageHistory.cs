namespace Containers;

/// <summary>One step of an image's making, as its config tells it.</summary>
/// <param name="Created">When; null where nothing is said.</param>
/// <param name="CreatedBy">The command.</param>
/// <param name="Author">Who did it; empty where nothing is said.</param>
/// <param name="Comment">What was said about it.</param>
/// <param name="IsEmptyLayer">Whether it made no layer, and changed the config only.</param>
public sealed record ImageHistory(DateTimeOffset? Created, string CreatedBy, string Author, string Comment, bool IsEmptyLayer);
