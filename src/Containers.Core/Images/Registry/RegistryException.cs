using System.Net;

namespace Containers;

/// <summary>A registry cannot be reached, or refuses what it is asked for. The message says which, what it was asked for, and what it answers.</summary>
public sealed class RegistryException : ContainerException
{
    /// <summary>Creates one from its parts.</summary>
    /// <param name="message">Which registry, what was asked for, and what came.</param>
    /// <param name="hint">What would help, as a sentence.</param>
    /// <param name="innerException">The failure behind it.</param>
    public RegistryException(string message, string? hint = null, Exception? innerException = null)
        : base(Images.ForeignText.Shown(message), Images.ForeignText.Shown(hint), innerException)
    {
    }

    /// <summary>The host, and its port where it is not the usual one.</summary>
    public string Registry { get; init; } = "";

    /// <summary>The status of the answer; null when there was none.</summary>
    public HttpStatusCode? StatusCode { get; init; }

    /// <summary>The distribution spec's word for the error, such as MANIFEST_UNKNOWN; null when the registry gives none.</summary>
    public string? Code { get; init; }

    /// <summary>When the registry wants to be asked again; null when it does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
