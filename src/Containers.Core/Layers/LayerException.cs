namespace Containers;

/// <summary>A layer archive is not what it should be. The message names the entry and the place in the archive.</summary>
/// <param name="message">What is wrong and where.</param>
/// <param name="hint">What would help.</param>
/// <param name="innerException">The failure behind it.</param>
public sealed class LayerException(string message, string? hint = null, Exception? innerException = null)
    : ContainerException(message, hint, innerException);
