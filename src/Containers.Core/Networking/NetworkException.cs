namespace Containers;

/// <summary>A network could not be made or changed as it was asked for: the host lacks something, or what was asked cannot be.</summary>
public class NetworkException : ContainerException
{
    /// <summary>Creates one from its parts.</summary>
    /// <param name="message">What was tried, on what, and why it failed.</param>
    /// <param name="hint">What would help, as a sentence; null where nothing can be said.</param>
    /// <param name="innerException">The failure behind it.</param>
    public NetworkException(string message, string? hint = null, Exception? innerException = null)
        : base(message, hint, innerException)
    {
    }
}
