namespace Containers;

/// <summary>
/// What every failure of this library derives from. The message says what was tried, on what, why it failed, and what
/// would help; the parts are there as properties.
/// </summary>
public class ContainerException : Exception
{
    /// <summary>Creates one from its parts.</summary>
    /// <param name="message">What was tried, on what, and why it failed.</param>
    /// <param name="hint">What would help, as a sentence; null where nothing can be said.</param>
    /// <param name="innerException">The failure behind it.</param>
    public ContainerException(string message, string? hint = null, Exception? innerException = null)
        : base(hint is null ? message : $"{message} {hint}", innerException) => Hint = hint;

    /// <summary>What would help, as a sentence; null where nothing can be said.</summary>
    public string? Hint { get; }
}
